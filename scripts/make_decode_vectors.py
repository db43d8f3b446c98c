#!/usr/bin/env python3
"""Writes random blocks of every element type and what PyPI gguf decodes them to.

The committed set, which the unit tests read (needs: pip install gguf numpy):
    scripts/make_decode_vectors.py tests/data/decode

The conformance line "Types", 10,000 blocks of every type, about 85 MB:
    scripts/make_decode_vectors.py --blocks 10000 /tmp/decode
    HEARTH_DECODE_VECTORS=/tmp/decode build/hearth_tests --gtest_filter='DecodeVectors.*'

The test compares bit by bit and prints one line per type; where gguf gives a NaN it asks for a NaN.

One file per type, NAME.bin, little endian:
    "HDECODE1"  u32 GGUF type id  u32 elements  the blocks  the elements as f32
"""

import argparse
import pathlib
import struct

import gguf
import numpy as np

TYPES = ["F32", "F16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K",
         "Q6_K", "IQ4_NL", "IQ4_XS", "BF16"]

# Where in a block its halves (scale, minimum) stand.
HALVES = {"F16": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
          "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
          "IQ4_NL": [0], "IQ4_XS": [0]}

# 0, -0, the smallest and largest subnormal, the largest finite, infinity, a NaN.
SPECIAL_HALVES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x7BFF, 0xFC00, 0x7E01]


def random_blocks(name: str, blocks: int, block_bytes: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform bytes, so every field takes every value; the first blocks get the special halves."""
    data = rng.integers(0, 256, (blocks, block_bytes), dtype=np.uint8)
    special = min(len(SPECIAL_HALVES), blocks // 2)
    for column, offset in enumerate(HALVES.get(name, [])):
        for row in range(special):
            half = SPECIAL_HALVES[(row + 3 * column) % len(SPECIAL_HALVES)]
            data[row, offset:offset + 2] = np.frombuffer(struct.pack("<H", half), np.uint8)
    return data


def write(folder: pathlib.Path, name: str, blocks: int) -> None:
    kind = gguf.GGMLQuantizationType[name]
    block_elements, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    if block_elements == 1:
        blocks *= 32  # as many elements as the small quantized blocks have
    rng = np.random.default_rng(20_261_123 + int(kind))
    data = random_blocks(name, blocks, block_bytes, rng)
    if name in ("F16", "BF16") and blocks >= 65536:
        data[:65536] = np.arange(65536, dtype="<u2").view(np.uint8).reshape(-1, 2)  # every pattern
    with np.errstate(invalid="ignore", over="ignore"):
        values = gguf.quants.dequantize(data.reshape(-1), kind).astype("<f4").reshape(-1)
    assert values.size == blocks * block_elements
    header = b"HDECODE1" + struct.pack("<II", int(kind), values.size)
    (folder / f"{name}.bin").write_bytes(header + data.tobytes() + values.tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--blocks", type=int, default=14, help="blocks of every type (default 14)")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in TYPES:
        write(arguments.folder, name, arguments.blocks)


if __name__ == "__main__":
    main()
