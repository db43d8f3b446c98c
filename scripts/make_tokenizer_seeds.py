#!/usr/bin/env python3
"""Writes fuzz/corpus/tokenizer/ with PyPI gguf (pip install gguf).

Vocabulary-only GGUF files of a few kilobytes, one for each kind of tokenizer and of error, and
texts whose first byte picks the vocabulary.
"""

import pathlib

import gguf

ROOT = pathlib.Path(__file__).resolve().parent.parent / "fuzz" / "corpus" / "tokenizer"
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


def alphabet():
    code_points, after = [], 256
    for byte in range(256):
        prints = 0x21 <= byte <= 0x7E or (byte >= 0xA1 and byte != 0xAD)
        code_points.append(chr(byte if prints else after))
        after += 0 if prints else 1
    return code_points


TEXT = "Hello <s> aab\n\n 12345 <|im_end|>\u2581 caf\u00e9 \U0001f642 </s>".encode()
TEXT += b"\xff\xc0\x80"


def write(name, model, tokens, **keys):
    """keys: scores, types, merges as lists; pre, model_name as strings; else an id or a flag."""
    path = ROOT / name
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    adders = {
        "pre": writer.add_tokenizer_pre,
        "model_name": writer.add_name,
        "scores": writer.add_token_scores,
        "types": writer.add_token_types,
        "merges": writer.add_token_merges,
    }
    for key, value in keys.items():
        if key in adders:
            adders[key](value)
        elif isinstance(value, bool):
            writer.add_bool(f"tokenizer.ggml.{key}", value)
        else:
            writer.add_uint32(f"tokenizer.ggml.{key}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    path.write_bytes(path.read_bytes() + TEXT)


def write_byte_bpe():
    special = ["<s>", "</s>", "<|im_end|>", "<tool>"]
    ends = ["<|end|>", "<|call|>", "<|return|>", "<|channel|>", "<|fim_pad|>"]
    tokens = alphabet() + special + ["aa", "aab", "\u0120a", "ll"] + ends
    types = [NORMAL] * 256 + [CONTROL, CONTROL, NORMAL, USER] + [NORMAL] * 4 + [CONTROL] * 5
    merges = ["a a", "aa b", "\u0120 a", "l l", "aa aa", "ll aa"]
    both = {"add_bos_token": True, "add_eos_token": True, "bos_token_id": 256, "eos_token_id": 257}
    for pre in ["gpt-2", "smollm", "llama-bpe", "deepseek-llm"]:
        write(f"bpe_{pre}.gguf", "gpt2", tokens, pre=pre, types=types, merges=merges, **both)
    write("bpe_none.gguf", "gpt2", tokens, types=types, merges=merges, **both)
    write("bpe_unknown.gguf", "gpt2", tokens, pre="nobody", merges=merges)
    write("bpe_bad_merge.gguf", "gpt2", tokens, merges=["ab"])
    write("bpe_no_merges.gguf", "gpt2", tokens)
    write("bert.gguf", "bert", ["[CLS]"])


def write_sentence_piece():
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    pieces += ["\u2581", "a", "b", "\u2581a", "ab", "aab", "\u00e9", "<tool>", "\u2581\u2581"]
    pieces += ["", "unused_1"]
    types = [UNKNOWN, CONTROL, CONTROL] + [BYTE] * 256
    types += [NORMAL] * 7 + [USER] + [NORMAL] * 2 + [UNUSED]
    scores = [0.0] * 259 + [-float(i) for i in range(len(pieces) - 259)]
    ids = {"bos_token_id": 1, "eos_token_id": 2, "unknown_token_id": 0}
    write("spm.gguf", "llama", pieces, scores=scores, types=types)
    write("spm_phi3.gguf", "llama", pieces, scores=scores, types=types, model_name="Phi3",
          add_space_prefix=False, **ids)
    write("spm_bad_byte.gguf", "llama", ["<unk>", "<s>", "<0x-1>"], types=[UNKNOWN, CONTROL, BYTE])
    write("spm_bad_id.gguf", "llama", ["<unk>", "<s>"], eos_token_id=2**32 - 1)
    write("spm_short_types.gguf", "llama", ["<unk>", "<s>", "x"], types=[UNKNOWN, CONTROL])
    write("spm_nan.gguf", "llama", ["<unk>", "<s>", "x"], scores=[0.0, 0.0, float("nan")])
    write("spm_twice.gguf", "llama", ["<unk>", "<s>", "x", "x"])
    write("spm_no_bos.gguf", "llama", ["x"])
    write("spm_long.gguf", "llama", ["<unk>", "<s>", "x" * 5000])


def main():
    ROOT.mkdir(parents=True, exist_ok=True)
    for old in ROOT.iterdir():
        old.unlink()
    write_byte_bpe()
    write_sentence_piece()
    for first in range(12):
        (ROOT / f"text_{first}").write_bytes(bytes([first]) + TEXT)
    (ROOT / "stops").write_bytes(b"\0abcabab abc\n ababc")


if __name__ == "__main__":
    main()
