#!/usr/bin/env python3
"""What quantized keys and values cost, beside llama.cpp's: divergence from the same program's f16
cache.

Each program runs the quantized file, flash attention on, over conformance_kl's windows: with an f16
cache (its own reference), then with q8_0 and q4_0 keys and values. At every position: KL(f16 ‖
type) over the whole vocabulary. Mean KL of Hearth ÷ mean KL of llama.cpp must be at most 1 for q8_0
and at most 0.5 for q4_0 (llama.cpp rotates such keys and values too; it does so by default).
Hearth's f32 against its f16 shows the floor: how far logits move when keys and values hardly do, as
quantized activations round differently (llama.cpp's flash attention turns f32 into f16). A type
that breaks a model must be refused: q4_0 keys of Qwen 2.

One name is not one size: Hearth's q8_0 and q4_0 take more bytes than llama.cpp's, so each mean KL
stands with the bytes of a position's keys and values over all layers."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

import hearth_program
import report
from conformance_kl import WINDOW_TOKENS, WINDOWS, ratio_line, score, text_windows
from hearth_program import Hearth
from llama_reference import LlamaContext, LlamaModel, Settings
from real_text import PASSAGES
from report import Line

LIMITS = {"q8_0": 1.0, "q4_0": 0.5}
FLOOR = "f32"
REFUSED = {"qwen": ("q4_0",)}
# Bits of a dimension of a key and of a value, then of both vectors besides. llama.cpp: an f16 scale
# per 32 codes; Hearth: src/kernels/attention/coded.h.
STORED_BITS = {
    "llama.cpp": {"q8_0": (8.5 + 8.5, 0), "q4_0": (4.5 + 4.5, 0)},
    "Hearth": {"q8_0": (8.5 + 8.5, 64), "q4_0": (6.0 + 4.5, 64), "f32": (64.0, 0)},
}


def hearth_divergences(
    hearth: Hearth, name: str, windows: list[list[int]], kinds: list[str], threads: int
) -> dict[str, np.ndarray]:
    path = hearth_program.model_file(name, hearth)
    found: dict[str, list] = {kind: [] for kind in kinds}
    for ids in windows:
        exact = hearth.logits(path, ids, WINDOW_TOKENS, "f16", threads=threads)
        for kind in kinds:
            candidate = hearth.logits(path, ids, WINDOW_TOKENS, kind, threads=threads)
            found[kind].append(score(exact, candidate, ids)[0])
    return {kind: np.array(parts) for kind, parts in found.items()}


def llama_divergences(
    model: LlamaModel, windows: list[list[int]], kinds: list[str], threads: int
) -> dict[str, np.ndarray]:
    found: dict[str, list] = {kind: [] for kind in kinds}
    for ids in windows:
        logits = {}
        for kind in ("f16", *kinds):
            settings = Settings(kind, True, threads, WINDOW_TOKENS, WINDOW_TOKENS)
            with LlamaContext(model, settings) as context:
                logits[kind] = context.window_logits(ids)
            if kind != "f16":
                found[kind].append(score(logits["f16"], logits.pop(kind), ids)[0])
    return {kind: np.array(parts) for kind, parts in found.items()}


@dataclass
class CacheSize:
    """Of a position: its vectors of keys (as many of values), and their numbers."""

    vectors: int
    head_dim: int

    @staticmethod
    def of(model: LlamaModel) -> CacheSize:
        def number(key: str, default: int = 0) -> int:
            return int(model.metadata(f"{model.metadata('general.architecture')}.{key}") or default)

        heads = number("attention.head_count")
        return CacheSize(
            number("block_count") * number("attention.head_count_kv", heads),
            number("attention.key_length", number("embedding_length") // heads),
        )

    def bytes_per_position(self, side: str, kind: str) -> int:
        per_dimension, besides = STORED_BITS[side][kind]
        return int(self.vectors * (self.head_dim * per_dimension + besides) / 8)


def refusal_line(hearth: Hearth, name: str, kind: str) -> Line:
    try:
        hearth.logits(hearth_program.model_file(name, hearth), [0], WINDOW_TOKENS, kind)
        answer = "accepted"
    except RuntimeError as error:
        answer = str(error).splitlines()[0].split("exited with", 1)[-1]
    refused = "ruin" in answer
    return Line("KV type that breaks a model", f"{name}, {kind}", answer, "refused", refused)


def lines_of(name: str, count: int, hearth: Hearth | None, threads: int) -> list[Line]:
    refused = REFUSED.get(name, ())
    kinds = [kind for kind in LIMITS if kind not in refused]
    with ExitStack() as stack:
        model = stack.enter_context(LlamaModel(hearth_program.model_file(name, hearth)))
        windows, size = text_windows(model, count), CacheSize.of(model)
        theirs = llama_divergences(model, windows, kinds, threads)
    ours = hearth_divergences(hearth, name, windows, [*kinds, FLOOR], threads) if hearth else {}
    lines = []
    for kind in [*kinds, FLOOR] if ours else kinds:
        subject = f"{name}, {kind} KV, {len(windows) * WINDOW_TOKENS:,} positions"
        named = {"llama.cpp": theirs} | ({"Hearth": ours} if ours else {})
        text = ", ".join(
            f"{side} {found[kind].mean():.3e}, {size.bytes_per_position(side, kind):,} B a position"
            for side, found in named.items()
            if kind in found
        )
        lines.append(Line("mean KL to f16 KV", subject, text))
        if not ours or kind == FLOOR:
            continue
        sides = (ours[kind], theirs[kind])
        lines.append(
            ratio_line("KL to f16 KV, Hearth ÷ llama.cpp", subject, sides, LIMITS[kind])
        )
    if hearth:
        lines += [refusal_line(hearth, name, kind) for kind in refused]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    hearth_program.add_arguments(parser)
    report.add_arguments(parser)
    parser.add_argument("--windows", type=int, help="of each model (default: 10, and 4 of qwen)")
    parser.add_argument("models", nargs="*", default=list(WINDOWS), help="default: %(default)s")
    arguments = parser.parse_args()
    hearth, lines = hearth_program.of(arguments), []
    for name in arguments.models:
        count = arguments.windows or WINDOWS.get(name, len(PASSAGES))
        lines += lines_of(name, count, hearth, arguments.threads)
        print(report.markdown(lines), file=sys.stderr, flush=True)
    report.finish(lines, arguments)


if __name__ == "__main__":
    main()
