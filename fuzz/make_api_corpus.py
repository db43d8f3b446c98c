#!/usr/bin/env python3
"""Writes fuzz/corpus/api/: honest bodies of every call, and nearly honest ones, for each parser of
fuzz/api_fuzz.cc (the first byte chooses it); and fuzz/api.dict, the names of their fields."""

import json
import re
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
CORPUS = FUZZ / "corpus" / "api"
TABLES = ["openai_generation.h", "openai_chat.cc", "openai_completion.cc", "openai_embedding.cc",
          "anthropic.cc"]
SHARED = {"temperature": 0.5, "top_p": 0.9, "n": 2, "stop": ["a", "\n"], "seed": -7,
          "presence_penalty": -1, "frequency_penalty": 2, "logit_bias": {"5": -100, "70": 1.5},
          "stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False},
          "user": "u", "top_k": 40, "min_p": 0.05, "repeat_penalty": 1.1,
          "repetition_penalty": 1.1, "ignore_eos": False, "overflow": "shift", "max_tokens": 7}
USER = [{"role": "user", "content": "h\u00e9llo"}]
CALL = {"id": "c1", "type": "function", "index": 0,
        "function": {"name": "f", "arguments": "{\"x\": 1}"}}
PARTS = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]


def chats():
    yield {"messages": USER}
    yield {"messages": USER, **SHARED, "logprobs": True, "top_logprobs": 3,
           "max_completion_tokens": 7}
    yield {"messages": [{"role": "developer", "content": PARTS},
                        {"role": "assistant", "content": None, "tool_calls": [CALL],
                         "reasoning": "hm", "refusal": None, "annotations": []},
                        {"role": "tool", "tool_call_id": "c1", "content": "7"},
                        {"role": "user", "content": [], "name": "Ann"}],
           "tools": [], "tool_choice": "none", "response_format": {"type": "text"},
           "modalities": ["text"], "store": False, "metadata": {"a": "b"}, "functions": [],
           "function_call": "auto", "service_tier": "auto", "reasoning_effort": "none",
           "verbosity": "medium", "prompt_cache_key": "k", "parallel_tool_calls": True}
    yield {"messages": USER, "tools": [{"type": "function"}]}
    yield {"messages": USER, "temperature": 3}
    yield {"messages": USER, "max_tokens": 1, "max_completion_tokens": 2}
    yield {"messages": USER, "logit_bias": {"x": 1}}
    yield {"messages": USER, "logit_bias": {"1": "x"}}
    yield {"messages": USER, "stream_options": {}}
    yield {"messages": USER, "top_logprobs": 1}
    yield {"messages": USER, "overflow": "wrap"}
    yield {"messages": USER, "stop": ""}
    yield {"messages": [{"role": "robot"}]}
    yield {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}
    yield {"messages": [7]}
    yield {"messages": []}


def completions():
    for prompt in ("a", ["a", "b"], [1, 2], [[1], [2, 3]], None, [], ["a", 1], [1.5], [-1], [[]]):
        yield {"prompt": prompt}
    yield {"prompt": "a", **SHARED, "suffix": "z", "echo": True, "logprobs": 5, "best_of": 2}
    yield {"prompt": "a", "best_of": 2}
    yield {"prompt": ["a"] * 5, "n": 16}
    yield {"prompt": ["a"] * 65}
    yield {"prompt": "a", "logprobs": 0, "stream": True}


def messages():
    yield {"max_tokens": 5, "messages": USER}
    yield {"max_tokens": 5, "messages": [{"role": "user", "content": PARTS}, *USER,
                                         {"role": "assistant", "content": "x"}],
           "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
           "temperature": 1, "top_p": 0.5, "top_k": 3, "stop_sequences": ["a"], "stream": True,
           "metadata": {"user_id": "u"}, "thinking": {"type": "disabled"}, "tools": [],
           "tool_choice": {"type": "auto"}, "service_tier": "standard_only"}
    yield {"messages": USER}
    yield {"max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "image"}]}]}
    yield {"max_tokens": 5, "messages": [{"role": "tool", "content": "x"}]}
    yield {"max_tokens": 5, "messages": USER, "thinking": {"type": "enabled"}}


def counts():
    yield {"messages": USER, "system": "s"}
    yield {"messages": USER, "max_tokens": 1}


def embeddings():
    for value in ("a", ["a", "b"], [1, 2], [[1], [2]], "", [""], []):
        yield {"input": value, "encoding_format": "base64", "dimensions": 4, "user": "u"}
    yield {"input": "a", "encoding_format": "float"}
    yield {"input": "a", "encoding_format": "int8"}


def broken():
    yield b""
    yield b"[]"
    yield b"{"
    yield b'{"a":1e999}'
    yield b'{"a":"\xff"}'
    yield b'{"a":"\\ud800"}'
    yield b'{"model":1,"model":"m"}'
    yield b'{"a":' + b"[" * 70 + b"]" * 70 + b"}"


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    groups = {"chat": chats, "completion": completions, "message": messages, "count": counts,
              "embedding": embeddings}
    for parser, (name, group) in enumerate(groups.items()):
        for number, body in enumerate(group()):
            text = json.dumps({"model": "m", **body}).encode()
            (CORPUS / f"{name}-{number:02}").write_bytes(bytes([parser]) + text)
    for number, text in enumerate(broken()):
        (CORPUS / f"broken-{number:02}").write_bytes(b"\0" + text)
    sources = [(FUZZ.parent / "src" / "api" / table).read_text() for table in TABLES]
    names = sorted({name for source in sources for name in re.findall(r'\.name = "(\w+)"', source)})
    lines = ["# Names of fields, for libFuzzer: make_api_corpus.py writes them."]
    lines += [f'"\\"{name}\\":"' for name in names]
    (FUZZ / "api.dict").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
