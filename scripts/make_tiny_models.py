#!/usr/bin/env python3
"""Writes tiny random-weight GGUF models of every family and variation that Hearth runs.

Each model is one entry of VARIATIONS: a family, its sizes and what is special about it. Weights
come from a generator seeded with the model's name, so a file is the same bytes whenever the same
`gguf` writes it. Names and keys are those that llama.cpp's loader expects, with a small valid
tokenizer, so that llama.cpp, the numpy forward of reference_forward.py and Hearth can all read
the same file.

The entries marked committed are small (tests/data/tiny/); the rest are made on demand.
"""

from __future__ import annotations

import argparse
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType
from gguf.quants import quantize

TINY_FOLDER = Path(__file__).resolve().parent.parent / "tests" / "data" / "tiny"


@dataclass(frozen=True)
class Variation:
    """Sizes and peculiarities of one model, in elements; zero means the feature is absent."""

    name: str
    family: str
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    head_size: int = 8
    embedding: int = 0  # 0: heads * head_size
    feed_forward: int = 40
    tied: bool = False
    tokenizer: str = "sentencepiece"
    context: int = 1024
    rope_base: float = 10000.0
    rope_dims: int = 0  # 0: head_size
    rope_linear: float = 0.0  # linear position scaling
    llama3_rope: bool = False  # the rope_freqs tensor
    original_context: int = 0  # longrope: factors for contexts up to this one, and for longer ones
    attention_factor: float = 0.0  # longrope's magnitude
    window: int = 0
    window_pattern: int = 0  # 0: the key is absent
    types: tuple[str, ...] = ()  # quantized types, taken in turn by the matrices
    committed: bool = False
    notes: str = ""

    @property
    def width(self) -> int:
        return self.embedding or self.heads * self.head_size


VARIATIONS = [
    Variation(
        "llama_gqa",
        "llama",
        heads=4,
        kv_heads=2,
        head_size=6,
        feed_forward=34,
        committed=True,
        tokenizer="bpe",
        llama3_rope=True,
        rope_base=500000.0,
        notes="grouped queries, untied head, Llama 3 rope factors, byte-level BPE",
    ),
    Variation(
        "llama_mha_tied",
        "llama",
        heads=3,
        kv_heads=3,
        head_size=6,
        feed_forward=25,
        committed=True,
        tied=True,
        notes="multi-head, tied head, odd sizes",
    ),
    Variation(
        "llama_types",
        "llama",
        heads=2,
        kv_heads=1,
        head_size=32,
        feed_forward=64,
        layers=1,
        committed=True,
        types=("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "F16", "BF16"),
        notes="one matrix of each type that gguf encodes",
    ),
    Variation(
        "qwen2_gqa",
        "qwen2",
        heads=3,
        kv_heads=1,
        head_size=8,
        feed_forward=28,
        committed=True,
        rope_base=1000000.0,
        notes="query, key and value biases, untied head",
    ),
    Variation(
        "phi3_longrope",
        "phi3",
        heads=4,
        kv_heads=2,
        head_size=6,
        feed_forward=20,
        committed=True,
        original_context=256,
        attention_factor=1.19,
        notes="fused matrices, two sets of rope factors",
    ),
    Variation(
        "phi3_window",
        "phi3",
        heads=2,
        kv_heads=2,
        head_size=10,
        feed_forward=27,
        committed=True,
        window=20,
        notes="every layer sees the last 20 positions",
    ),
    Variation(
        "gemma3_window",
        "gemma3",
        layers=7,
        heads=2,
        kv_heads=1,
        head_size=8,
        embedding=12,
        feed_forward=18,
        tied=True,
        committed=True,
        window=16,
        rope_base=1000000.0,
        notes="five window layers, one global, two rope bases, head size is not width / heads",
    ),
    Variation(
        "llama_linear",
        "llama",
        heads=4,
        kv_heads=4,
        head_size=16,
        rope_linear=4.0,
        notes="linear rope scaling",
    ),
    Variation(
        "llama_wide_head",
        "llama",
        heads=2,
        kv_heads=1,
        head_size=24,
        embedding=40,
        notes="attention.key_length is not width / heads",
    ),
    Variation(
        "llama_wide",
        "llama",
        heads=4,
        kv_heads=2,
        head_size=64,
        feed_forward=768,
        tokenizer="bpe",
        layers=3,
        notes="widths that are multiples of 256",
    ),
    Variation(
        "qwen2_tied", "qwen2", heads=2, kv_heads=2, head_size=64, tied=True, feed_forward=160
    ),
    Variation("phi3_plain", "phi3", heads=4, kv_heads=4, head_size=12, feed_forward=50),
    Variation(
        "phi3_partial",
        "phi3",
        heads=4,
        kv_heads=1,
        head_size=16,
        rope_dims=12,
        feed_forward=50,
        original_context=256,
        attention_factor=1.1,
        notes="rotates 12 of 16 dimensions",
    ),
    Variation(
        "gemma3_scaled",
        "gemma3",
        layers=12,
        heads=4,
        kv_heads=2,
        head_size=16,
        embedding=48,
        tied=True,
        window=24,
        rope_base=1000000.0,
        rope_linear=8.0,
        notes="global layers scale positions by 8, window layers do not",
    ),
    Variation(
        "gemma3_pattern",
        "gemma3",
        layers=4,
        heads=2,
        kv_heads=2,
        head_size=8,
        embedding=24,
        tied=True,
        window=8,
        window_pattern=2,
        rope_base=1000000.0,
        committed=True,
        notes="the pattern has its own key",
    ),
    Variation(
        "gemma3_global",
        "gemma3",
        layers=2,
        heads=2,
        kv_heads=1,
        head_size=8,
        embedding=12,
        feed_forward=18,
        tied=True,
        rope_base=1000000.0,
        committed=True,
        notes="no window: every layer is global, with the global rope base",
    ),
    Variation(
        "gemma3_27b_scale",
        "gemma3",
        layers=62,
        heads=4,
        kv_heads=2,
        head_size=8,
        embedding=24,
        feed_forward=24,
        tied=True,
        window=16,
        rope_base=1000000.0,
        notes="62 layers mean 27B, whose queries are scaled by width / heads",
    ),
]


def byte_characters() -> list[str]:
    """GPT-2's printable stand-ins of the 256 bytes, by byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    spare = iter(range(256, 512))
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]


def bpe_vocabulary(writer: GGUFWriter) -> int:
    """256 bytes, five merges and two control tokens."""
    space = byte_characters()[0x20]
    merges = ["h e", "l l", "he ll", "hell o", f"{space} t"]
    control = ["<|endoftext|>", "<|im_end|>"]
    tokens = control + byte_characters() + [pair.replace(" ", "") for pair in merges]
    kinds = [TokenType.CONTROL] * len(control) + [TokenType.NORMAL] * (len(tokens) - len(control))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(False)
    return len(tokens)


def sentencepiece_vocabulary(writer: GGUFWriter) -> int:
    """Three control tokens, the letters, a few joined pieces: enough to encode lower-case words."""
    control = ["<unk>", "<s>", "</s>"]
    letters = ["\n", "▁", *"abcdefghijklmnopqrstuvwxyz", *".,:;!?'-"]
    pieces = ["▁t", "he", "▁the", "in", "er", "an", "▁a", "nd", "▁and", "on", "▁o", "re"]
    tokens = control + letters + pieces
    scores = (
        [0.0] * len(control) + [-100.0] * len(letters) + [-float(i + 1) for i in range(len(pieces))]
    )
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL]
    kinds += [TokenType.NORMAL] * (len(tokens) - len(control))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    return len(tokens)


class Weights:
    """Draws seeded matrices and hands them to the writer, encoded as the variation's types ask."""

    def __init__(self, writer: GGUFWriter, variation: Variation) -> None:
        self.writer = writer
        self.types = [GGMLQuantizationType[name] for name in variation.types]
        self.random = np.random.default_rng(zlib.crc32(variation.name.encode()))
        self.matrices = 0

    def matrix(self, name: str, rows: int, columns: int, gain: float = 1.0) -> None:
        # Variance gain²/columns keeps the values of normalized rows near gain in every layer.
        values = self.random.standard_normal((rows, columns)) * (gain / np.sqrt(columns))
        values = values.astype(np.float32)
        if not self.types:
            self.writer.add_tensor(f"{name}.weight", values)
            return
        kind = self.types[self.matrices % len(self.types)]
        self.matrices += 1
        self.writer.add_tensor(f"{name}.weight", quantize(values, kind), raw_dtype=kind)

    def norm(self, name: str, size: int) -> None:
        self.writer.add_tensor(f"{name}.weight", self.around_one(size))

    def bias(self, name: str, size: int) -> None:
        self.writer.add_tensor(
            f"{name}.bias", (0.3 * self.random.standard_normal(size)).astype(np.float32)
        )

    def around_one(self, size: int) -> np.ndarray:
        return (1.0 + 0.2 * self.random.standard_normal(size)).astype(np.float32)

    def factors(self, name: str, size: int, largest: float) -> None:
        values = np.linspace(1.0, largest, size) * (1.0 + 0.1 * self.random.random(size))
        self.writer.add_tensor(f"{name}.weight", values.astype(np.float32))


def add_metadata(writer: GGUFWriter, v: Variation) -> None:
    sizes = {
        "block_count": v.layers,
        "context_length": v.context,
        "embedding_length": v.width,
        "feed_forward_length": v.feed_forward,
        "attention.head_count": v.heads,
        "attention.head_count_kv": v.kv_heads,
        "rope.dimension_count": v.rope_dims or v.head_size,
        "attention.sliding_window": v.window,
        "attention.sliding_window_pattern": v.window_pattern,
        "rope.scaling.original_context_length": v.original_context,
    }
    if v.embedding:
        sizes |= {"attention.key_length": v.head_size, "attention.value_length": v.head_size}
    for key, value in sizes.items():
        if value:
            writer.add_uint32(f"{v.family}.{key}", value)
    writer.add_float32(f"{v.family}.attention.layer_norm_rms_epsilon", 1e-5)
    writer.add_float32(f"{v.family}.rope.freq_base", v.rope_base)
    if v.rope_linear:
        writer.add_string(f"{v.family}.rope.scaling.type", "linear")
        writer.add_float32(f"{v.family}.rope.scaling.factor", v.rope_linear)
    if v.attention_factor:
        writer.add_float32(f"{v.family}.rope.scaling.attn_factor", v.attention_factor)


def add_attention(weights: Weights, v: Variation, prefix: str) -> None:
    query, key = v.heads * v.head_size, v.kv_heads * v.head_size
    weights.norm(f"{prefix}.attn_norm", v.width)
    if v.family == "phi3":
        weights.matrix(f"{prefix}.attn_qkv", query + 2 * key, v.width, gain=1.5)
    else:
        for name, rows in (("attn_q", query), ("attn_k", key), ("attn_v", key)):
            weights.matrix(f"{prefix}.{name}", rows, v.width, gain=1.5)
            if v.family == "qwen2":
                weights.bias(f"{prefix}.{name}", rows)
    weights.matrix(f"{prefix}.attn_output", v.width, query)
    if v.family == "gemma3":
        weights.norm(f"{prefix}.attn_q_norm", v.head_size)
        weights.norm(f"{prefix}.attn_k_norm", v.head_size)
        weights.norm(f"{prefix}.post_attention_norm", v.width)


def add_feed_forward(weights: Weights, v: Variation, prefix: str) -> None:
    weights.norm(f"{prefix}.ffn_norm", v.width)
    if v.family == "phi3":
        weights.matrix(f"{prefix}.ffn_up", 2 * v.feed_forward, v.width, gain=1.5)
    else:
        weights.matrix(f"{prefix}.ffn_gate", v.feed_forward, v.width, gain=1.5)
        weights.matrix(f"{prefix}.ffn_up", v.feed_forward, v.width, gain=1.5)
    weights.matrix(f"{prefix}.ffn_down", v.width, v.feed_forward)
    if v.family == "gemma3":
        weights.norm(f"{prefix}.post_ffw_norm", v.width)


def add_tensors(writer: GGUFWriter, v: Variation, vocabulary: int) -> None:
    weights = Weights(writer, v)
    weights.matrix("token_embd", vocabulary, v.width, gain=np.sqrt(v.width) / 2)
    weights.norm("output_norm", v.width)
    if not v.tied:
        weights.matrix("output", vocabulary, v.width, gain=2.0)
    half = (v.rope_dims or v.head_size) // 2
    if v.llama3_rope:
        weights.factors("rope_freqs", half, 8.0)
    if v.original_context:
        weights.factors("rope_factors_long", half, 4.0)
        weights.factors("rope_factors_short", half, 1.2)
    for layer in range(v.layers):
        add_attention(weights, v, f"blk.{layer}")
        add_feed_forward(weights, v, f"blk.{layer}")


def make_model(variation: Variation, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{variation.name}.gguf"
    writer = GGUFWriter(path, variation.family)
    add_metadata(writer, variation)
    fill = bpe_vocabulary if variation.tokenizer == "bpe" else sentencepiece_vocabulary
    vocabulary = fill(writer)
    add_tensors(writer, variation, vocabulary)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--out", type=Path, default=TINY_FOLDER, help="folder (default: %(default)s)"
    )
    parser.add_argument("--all", action="store_true", help="also the models that are not committed")
    parser.add_argument("names", nargs="*", help="only these models")
    arguments = parser.parse_args()
    for variation in VARIATIONS:
        wanted = (
            variation.name in arguments.names
            if arguments.names
            else (arguments.all or variation.committed)
        )
        if wanted:
            path = make_model(variation, arguments.out)
            print(f"{path.stat().st_size:>9,} {path.name}: {variation.notes}")


if __name__ == "__main__":
    main()
