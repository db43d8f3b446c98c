#!/usr/bin/env python3
"""Writes tests/data/tiny: the committed tiny models, token ids, and the float64 forward's logits of
them.

goldens.json is {"goldens": [entry …]}; an entry is
    model            file name beside it
    context_tokens   the context an engine must be made with (it chooses longrope's factors)
    ids              token ids, from an empty cache
    positions        which positions' logits are kept, ascending
    vocabulary       logits of each position
    logits           file name beside it: little-endian f32 [positions, vocabulary], nothing else
    deviation        standard deviation of all logits kept; tolerances are fractions of it
The logits are those of reference_forward.py rounded to f32.
"""

from __future__ import annotations

import argparse
import json
import zlib
from pathlib import Path

import numpy as np

from make_tiny_models import TINY_FOLDER, VARIATIONS, Variation, make_model
from reference_forward import Model, forward

# Long enough to pass a window of 20 three times and a block of 32 keys twice. Kept are the first,
# those around the windows' and blocks' edges, and the last.
LENGTH = 70
POSITIONS = [0, 1, 7, 15, 16, 19, 20, 31, 32, 33, 64, 69]
# One model sees enough positions to cross 512 keys.
LONG_MODEL, LONG_LENGTH, LONG_POSITIONS = "llama_mha_tied", 530, [0, 255, 511, 512, 513, 529]


def token_ids(name: str, length: int, vocabulary: int) -> list[int]:
    random = np.random.default_rng(zlib.crc32(f"{name} {length}".encode()))
    return [int(token) for token in random.integers(0, vocabulary, length)]


def cases(variation: Variation) -> list[tuple[int, int, list[int]]]:
    """(context, length, positions) of each golden of a model."""
    result = [(256, LENGTH, POSITIONS)]
    if variation.original_context:
        result.append((2 * variation.original_context, LENGTH, POSITIONS))
    if variation.name == LONG_MODEL:
        result.append((1024, LONG_LENGTH, LONG_POSITIONS))
    return result


def write_golden(
    model: Model, variation: Variation, folder: Path, case: tuple[int, int, list[int]]
) -> dict:
    context, length, positions = case
    vocabulary = model.weights["token_embd.weight"].shape[0]
    ids = token_ids(variation.name, length, vocabulary)
    kept = forward(model, ids, context)[positions].astype("<f4")
    file = f"{variation.name}_{context}.f32"
    (folder / file).write_bytes(kept.tobytes())
    return {
        "model": f"{variation.name}.gguf",
        "context_tokens": context,
        "ids": ids,
        "positions": positions,
        "vocabulary": vocabulary,
        "logits": file,
        "deviation": float(kept.std()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--out", type=Path, default=TINY_FOLDER, help="folder (default: %(default)s)"
    )
    folder = parser.parse_args().out
    goldens = []
    for variation in VARIATIONS:
        if variation.committed:
            model = Model(make_model(variation, folder))
            goldens += [write_golden(model, variation, folder, case) for case in cases(variation)]
    lines = ",\n".join(json.dumps(golden) for golden in goldens)
    (folder / "goldens.json").write_text(f'{{"goldens": [\n{lines}\n]}}\n')
    total = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{len(goldens)} goldens in {folder}, {total:,} bytes with their models")


if __name__ == "__main__":
    main()
