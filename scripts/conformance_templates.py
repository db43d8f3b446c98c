#!/usr/bin/env python3
"""Our chat-template interpreter against Hugging Face's: every template × 14 conversations.

  conformance_templates.py          llama.cpp's templates, ours of tests/data and the models' own
  conformance_templates.py --write tests/data/templates    the cases of chat_template_test

The reference is transformers' own render_jinja_template (Jinja2's immutable sandbox), with the
clock fixed. A render must be equal byte for byte, a refusal must be refused.
"""

import argparse
import copy
import datetime
import glob
import json
import os
import subprocess
import sys
from pathlib import Path

import jinja2
import transformers
from transformers.utils import chat_template_utils

import hearth_program
import peers
import report
from llama_reference import LlamaModel
from report import Line

SHOWN = 400  # characters of a difference
NOW = datetime.datetime(2026, 7, 31, 14, 5, 9)


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = FixedClock

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": 'Get the "current" weather for a <place> & time\'s sake.',
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "The city, e.g. München"},
                "unit": {
                    "type": "string",
                    "enum": ["celsius", "fahrenheit"],
                    "default": "celsius",
                    "description": "Unit",
                },
                "days": {
                    "type": "integer",
                    "description": "How many",
                    "minimum": 1,
                    "maximum": 18446744073709551615,
                },
            },
            "required": ["city"],
        },
    },
}
SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Search many things.",
        "parameters": {
            "type": "object",
            "properties": {
                "queries": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "What to look for",
                },
                "filter": {
                    "type": "object",
                    "properties": {"since": {"type": "number"}, "exact": {"type": "boolean"}},
                    "description": "What to leave out",
                    "required": [],
                },
                "limit": {"type": ["integer", "null"], "description": "How many"},
            },
            "required": ["queries"],
        },
        "return": {"type": "string"},
    },
}
PING = {
    "type": "function",
    "function": {
        "name": "ping",
        "description": "Do nothing.",
        "parameters": {"type": "object", "properties": {}},
    },
}


def user(content):
    return {"role": "user", "content": content}


def assistant(content, **more):
    return {"role": "assistant", "content": content, **more}


def call(name, arguments, id="call00001"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool(content, name="get_weather", id="call00001"):
    return {"role": "tool", "name": name, "tool_call_id": id, "content": content}


SYSTEM = {"role": "system", "content": "You are a helpful assistant.\nBe brief."}
CITY = {"city": "Zürich", "unit": "celsius", "days": 3, "exact": True, "ratio": 0.5, "none": None}

# name -> (messages, tools, add_generation_prompt)
CONVERSATIONS = {
    "single": ([user("Hello, world!")], [], True),
    "system": ([SYSTEM, user("What is 2+2?")], [], True),
    "turns": (
        [SYSTEM, user("Hi"), assistant("Hello! How can I help?"), user("Tell me a joke\n")],
        [],
        True,
    ),
    "finished": ([user("Hi"), assistant("  Hello there.  ")], [], False),
    "empty": ([], [], True),
    "empty_text": ([user(""), assistant(""), user("   ")], [], True),
    "unicode": (
        [SYSTEM, user("Grüße 你好 👋🏽 e\u0301 \u200b <|im_start|> {{ x }} 'q' \"d\" \\n & <b>")],
        [],
        True,
    ),
    "tools": ([SYSTEM, user("Weather in Zürich?")], [WEATHER, SEARCH, PING], True),
    "tool_call": (
        [user("Weather?"), assistant("", tool_calls=[call("get_weather", CITY)])],
        [WEATHER],
        False,
    ),
    "tool_result": (
        [
            SYSTEM,
            user("Weather?"),
            assistant("", tool_calls=[call("get_weather", CITY)]),
            tool('{"temperature": 21.5}'),
        ],
        [WEATHER],
        True,
    ),
    "tool_many": (
        [
            user("Both"),
            assistant(
                "Let me see.",
                tool_calls=[
                    call("get_weather", CITY),
                    call("search", {"queries": ["a", "b"], "filter": {"since": 1e21}}, "call00002"),
                ],
            ),
            tool("sunny"),
            tool("[]", "search", "call00002"),
            assistant("Sunny."),
            user("Thanks"),
        ],
        [WEATHER, SEARCH],
        True,
    ),
    "reasoning": (
        [
            user("Why?"),
            assistant("Because.", reasoning_content="Let me think.\nHm."),
            user("Really?"),
            assistant("<think>\nsure\n</think>\n\nYes."),
            user("Ok"),
        ],
        [],
        True,
    ),
    "parts": (
        [
            user([{"type": "text", "text": "Look at "}, {"type": "text", "text": "this."}]),
            assistant([{"type": "text", "text": "I see."}]),
            user("And?"),
        ],
        [],
        True,
    ),
    "null_content": (
        [
            user("Weather?"),
            assistant(None, tool_calls=[call("get_weather", {"city": "Bern"})]),
            tool("rain"),
        ],
        [WEATHER],
        True,
    ),
}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def context_of(messages, tools, add_generation_prompt):
    kwargs = dict(
        TOKENS, functions=json.dumps([t["function"] for t in tools]), datetime="2026-07-31"
    )
    seen = chat_template_utils._alias_reasoning_fields(copy.deepcopy(messages))
    context = {
        "messages": seen,
        "tools": tools,
        "documents": None,
        "add_generation_prompt": add_generation_prompt,
        **kwargs,
    }
    return context, kwargs


def reference(template, messages, tools, add_generation_prompt, kwargs):
    try:
        rendered, _ = chat_template_utils.render_jinja_template(
            conversations=[copy.deepcopy(messages)],
            tools=tools,
            chat_template=template,
            add_generation_prompt=add_generation_prompt,
            **kwargs,
        )
        return {"text": rendered[0]}
    except (RecursionError, Exception) as error:
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def templates(arguments):
    """(name, source) of each: files, then what the models carry."""
    files = [
        *sorted((peers.llama_cpp_folder() / "models" / "templates").glob("*.jinja")),
        *sorted((peers.ROOT / "tests" / "data" / "templates").glob("*.jinja")),
    ]
    yield from ((path.name, path.read_text(encoding="utf-8")) for path in files)
    hearth = hearth_program.of(arguments)
    for name in hearth_program.MODELS:
        path = hearth_program.model_file(name, hearth)
        with LlamaModel(path, vocabulary_only=True) as model:
            if source := model.metadata("tokenizer.chat_template"):
                yield f"{name}'s own", source


def compare(arguments):
    jobs = []
    for name, source in templates(arguments):
        for conversation, parts in CONVERSATIONS.items():
            context, kwargs = context_of(*parts)
            jobs.append((name, conversation, source, context, reference(source, *parts, kwargs)))
    lines = "".join(json.dumps({"template": j[2], "context": j[3]}) + "\n" for j in jobs)
    renderer = arguments.hearth.parent / "render_template"
    ours = subprocess.run(
        [str(renderer)], input=lines.encode(), stdout=subprocess.PIPE, check=True
    )
    replies = [json.loads(line) for line in ours.stdout.splitlines()]
    renders = refusals = wrong = most = 0
    for (name, conversation, _, _, want), got in zip(jobs, replies, strict=True):
        same = ("error" in got) if "error" in want else want.get("text") == got.get("text")
        most = max(most, got.get("operations", 0))
        if same:
            renders += "text" in want
            refusals += "error" in want
            continue
        wrong += 1
        print(
            f"DIFFERS {name} / {conversation}\n  want {json.dumps(want)[:SHOWN]}\n"
            f"  got  {json.dumps(got)[:SHOWN]}",
            file=sys.stderr,
        )
    versions = f"transformers {transformers.__version__}, Jinja2 {jinja2.__version__}"
    subject = f"{len({job[0] for job in jobs})} templates × {len(CONVERSATIONS)} conversations"
    counts = f"{renders} renders byte-equal, {refusals} refusals refused, {wrong} differ"
    return [
        Line(f"chat templates against {versions}", subject, counts, "0 differ", not wrong),
        Line("fuel of a template", subject, f"at most {most:,} operations"),
    ]


def save_cases(path, document, cases):
    """The document beside what it was made from, as .json; says how many cases of each kind."""
    with open(os.path.splitext(path)[0] + ".json", "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, indent=0)
        file.write("\n")
    renders, refusals = (sum(kind in case for case in cases) for kind in ("text", "error"))
    print(f"{path} {renders} renders {refusals} refusals")


def write(folder):
    """One file of cases for each of our own templates: {"context", "text" or "error"} per
    conversation."""
    for path in sorted(glob.glob(os.path.join(folder, "*.jinja"))):
        source = open(path, encoding="utf-8").read()
        cases = []
        for conversation, parts in CONVERSATIONS.items():
            context, kwargs = context_of(*parts)
            cases.append(
                {"name": conversation, "context": context, **reference(source, *parts, kwargs)}
            )
            if not source.count("messages"):
                break  # a template about the language itself: one conversation is enough
        save_cases(path, cases, cases)
    write_expressions(os.path.join(folder, "expressions.txt"))


def write_expressions(path):
    """One template per line of the file ("\\n" stands for a newline, # starts a comment line)."""
    context = {
        "user": {"name": "Ada", "tags": ["x", "Y", "z"], "age": 36},
        "words": ["b", "A", "c"],
        "people": [
            {"name": "Bo", "age": 5, "ok": True},
            {"name": "al", "age": 3, "ok": False},
            {"name": "Cy", "age": 5},
        ],
        "text": "  Hello, Wörld!\n",
        "empty": "",
        "pi": 3.14159,
    }
    cases = []
    for line in open(path, encoding="utf-8").read().splitlines():
        if not line or line.startswith("#"):
            continue
        template = line.replace("\\n", "\n")
        try:
            rendered, _ = chat_template_utils.render_jinja_template(
                conversations=[[]], tools=None, chat_template=template, **context
            )
            cases.append({"template": template, "text": rendered[0]})
        except (RecursionError, Exception) as error:
            cases.append({"template": template, "error": f"{type(error).__name__}: {error}"[:100]})
    save_cases(path, {"context": context, "cases": cases}, cases)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    hearth_program.add_arguments(parser)
    report.add_arguments(parser)
    parser.add_argument("--write", metavar="FOLDER")
    arguments = parser.parse_args()
    if arguments.write:
        return write(arguments.write)
    report.finish(compare(arguments), arguments)


if __name__ == "__main__":
    main()
