"""Random models to measure with, of known shape: one of a billion parameters in every type, and one
so small that what remains of a token's time is the fixed cost of its layers. Written into the cache
on first use; weights are drawn from a seed, types other than F16 come from llama-quantize."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gguf import GGUFWriter, TokenType

import peers
from make_tiny_models import Variation, add_metadata, add_tensors

# The shape of Llama 3.2 1B with a vocabulary of 32,000: 1.04 billion weights, 2.08 GB in F16.
LARGE = Variation(
    "random_1b",
    "llama",
    layers=16,
    heads=32,
    kv_heads=8,
    head_size=64,
    feed_forward=8192,
    tied=True,
    context=8192,
    types=("F16",),
)
LARGE_VOCABULARY = 32000
TYPES = ("F16", "Q8_0", "Q4_0", "Q5_K", "Q6_K", "Q3_K", "Q2_K", "IQ4_XS")

# 12.0 million weights, 6.8 MB in Q4_0: of 30 layers, each 2 * 256 * 256 for queries and output,
# 2 * 128 * 256 for keys and values, 3 * 256 * 256 of feed-forward, and a head of 512 rows.
NANO = Variation(
    "random_nano",
    "llama",
    layers=30,
    heads=4,
    kv_heads=2,
    head_size=64,
    feed_forward=256,
    tied=True,
    context=4096,
    types=("F16",),
)
NANO_VOCABULARY = 512
NANO_TYPE = "Q4_0"


def add_vocabulary(writer: GGUFWriter, size: int) -> None:
    """Control tokens, the letters, and words that nothing is ever spelled with."""
    control = ["<unk>", "<s>", "</s>"]
    letters = ["\n", "▁", *"abcdefghijklmnopqrstuvwxyz"]
    words = [f"▁word{number}" for number in range(size - len(control) - len(letters))]
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL]
    kinds += [TokenType.NORMAL] * (size - len(control))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(control + letters + words)
    writer.add_token_scores([-float(number) for number in range(size)])
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def written(variation: Variation, vocabulary: int) -> Path:
    path = peers.cache_folder("types") / f"{variation.name}_F16.gguf"
    if path.exists():
        return path
    print(f"writing {path.name} …", file=sys.stderr, flush=True)
    unfinished = path.with_suffix(".part")
    writer = GGUFWriter(unfinished, variation.family)
    add_metadata(writer, variation)
    add_vocabulary(writer, vocabulary)
    add_tensors(writer, variation, vocabulary)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    unfinished.rename(path)
    return path


def of_type(variation: Variation, vocabulary: int, kind: str) -> Path:
    """The model with every matrix of one type."""
    source = written(variation, vocabulary)
    path = source.with_name(f"{variation.name}_{kind}.gguf")
    if not path.exists():
        print(f"writing {path.name} …", file=sys.stderr, flush=True)
        unfinished = path.with_suffix(".part")
        tool = str(peers.llama_build() / "llama-quantize")
        command = [tool, "--pure", str(source), str(unfinished), kind]
        subprocess.run(command, check=True, capture_output=True)
        unfinished.rename(path)
    return path


def large(kind: str) -> Path:
    return of_type(LARGE, LARGE_VOCABULARY, kind)


def nano() -> Path:
    return of_type(NANO, NANO_VOCABULARY, NANO_TYPE)
