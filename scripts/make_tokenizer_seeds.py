#!/usr/bin/env python3
"""Writes fuzz/corpus/tokenizer/ with PyPI gguf (pip install gguf).

Vocabulary-only GGUF files of a few kilobytes, one for each kind of tokenizer and of error, and texts
whose first byte picks the vocabulary.
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


def write(
    name,
    model,
    tokens,
    *,
    pre=None,
    scores=None,
    types=None,
    merges=None,
    ids=(),
    flags=(),
    text=b"",
    general_name=None,
):
    path = ROOT / name
    writer = gguf.GGUFWriter(path, "llama")
    if general_name:
        writer.add_name(general_name)
    writer.add_tokenizer_model(model)
    if pre:
        writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    if scores:
        writer.add_token_scores(scores)
    if types:
        writer.add_token_types(types)
    if merges:
        writer.add_token_merges(merges)
    for key, value in ids:
        writer.add_uint32(f"tokenizer.ggml.{key}_token_id", value)
    for key, value in flags:
        writer.add_bool(f"tokenizer.ggml.{key}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    path.write_bytes(path.read_bytes() + text)


def main():
    ROOT.mkdir(parents=True, exist_ok=True)
    for old in ROOT.iterdir():
        old.unlink()
    text = (
        "Hello <s> aab\n\n 12345 <|im_end|>\u2581 caf\u00e9 \U0001f642 </s>".encode()
        + b"\xff\xc0\x80"
    )
    bpe = alphabet() + [
        "<s>",
        "</s>",
        "<|im_end|>",
        "<tool>",
        "aa",
        "aab",
        "\u0120a",
        "ll",
        "<|end|>",
        "<|call|>",
        "<|return|>",
        "<|channel|>",
        "<|fim_pad|>",
    ]
    bpe_types = (
        [NORMAL] * 256
        + [CONTROL, CONTROL, NORMAL, USER, NORMAL, NORMAL, NORMAL, NORMAL]
        + [CONTROL] * 5
    )
    merges = ["a a", "aa b", "\u0120 a", "l l", "aa aa", "ll aa"]
    ids = [("bos", 256), ("eos", 257)]
    for pre in ["gpt-2", "smollm", "llama-bpe", "deepseek-llm", None]:
        write(
            f"bpe_{pre or 'none'}.gguf",
            "gpt2",
            bpe,
            pre=pre,
            types=bpe_types,
            merges=merges,
            ids=ids,
            text=text,
            flags=[("add_bos_token", True), ("add_eos_token", True)],
        )
    write("bpe_unknown.gguf", "gpt2", bpe, pre="nobody", merges=merges, text=text)
    write("bpe_bad_merge.gguf", "gpt2", bpe, merges=["ab"], text=text)
    write("bpe_no_merges.gguf", "gpt2", bpe, text=text)
    write("bert.gguf", "bert", ["[CLS]"], text=text)
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    pieces += [
        "\u2581",
        "a",
        "b",
        "\u2581a",
        "ab",
        "aab",
        "\u00e9",
        "<tool>",
        "\u2581\u2581",
        "",
        "unused_1",
    ]
    types = (
        [UNKNOWN, CONTROL, CONTROL] + [BYTE] * 256 + [NORMAL] * 7 + [USER] + [NORMAL] * 2 + [UNUSED]
    )
    scores = [0.0] * 259 + [-float(i) for i in range(len(pieces) - 259)]
    write("spm.gguf", "llama", pieces, scores=scores, types=types, text=text)
    write(
        "spm_phi3.gguf",
        "llama",
        pieces,
        scores=scores,
        types=types,
        text=text,
        general_name="Phi3",
        flags=[("add_space_prefix", False)],
        ids=[("bos", 1), ("eos", 2), ("unknown", 0)],
    )
    write(
        "spm_bad_byte.gguf",
        "llama",
        ["<unk>", "<s>", "<0x-1>"],
        types=[UNKNOWN, CONTROL, BYTE],
        text=text,
    )
    write("spm_bad_id.gguf", "llama", ["<unk>", "<s>"], ids=[("eos", 4294967295)], text=text)
    write(
        "spm_short_types.gguf", "llama", ["<unk>", "<s>", "x"], types=[UNKNOWN, CONTROL], text=text
    )
    write(
        "spm_nan.gguf", "llama", ["<unk>", "<s>", "x"], scores=[0.0, 0.0, float("nan")], text=text
    )
    write("spm_twice.gguf", "llama", ["<unk>", "<s>", "x", "x"], text=text)
    write("spm_no_bos.gguf", "llama", ["x"], text=text)
    write("spm_long.gguf", "llama", ["<unk>", "<s>", "x" * 5000], text=text)
    for first in range(12):
        (ROOT / f"text_{first}").write_bytes(bytes([first]) + text)
    (ROOT / "stops").write_bytes(b"\0abcabab abc\n ababc")


if __name__ == "__main__":
    main()
