#!/usr/bin/env python3
"""Logits of tiny models of every family and variation: Hearth, the float64 forward in numpy, and
llama.cpp.

Figures are the largest difference of any logit at any position, as a fraction of the logits'
standard deviation. llama.cpp computes with F32 KV and flash attention off; it runs no quantized
tiny model here (it would quantize activations) and ignores phi3's window, so that model is
compared within its first window. Its GELU is a table of f16 values: gemma3 is allowed more, and
the model of 62 layers is judged against a forward with the same table."""

from __future__ import annotations

import argparse
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np

import hearth_program
import peers
import report
from hearth_program import Hearth
from llama_reference import LlamaContext, LlamaModel, Settings
from make_goldens import token_ids
from make_tiny_models import VARIATIONS, Variation, make_model
from reference_forward import Model, forward, gelu_of_halves
from report import Line

LIMIT = 1e-4
LIMIT_GEMMA3 = 5e-3
LENGTH = 70  # positions: past two blocks of 32 keys and three windows of 20
LONG_LENGTH = 530  # past 512 keys; llama.cpp's f32 rope angles alone drift past 1e-4 there
QUANTIZED_TYPES = ("Q2_K", "Q3_K_S", "Q4_K_S", "Q5_K_S", "Q6_K", "IQ4_NL", "IQ4_XS")
QUANTIZED_FROM = "llama_wide"


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max() / b.std())


def llama_logits(path: Path, ids: list[int], context: int) -> np.ndarray:
    settings = Settings(kv="f32", flash=False, threads=1, context=context, batch=len(ids))
    with LlamaModel(path) as model, LlamaContext(model, settings) as state:
        return state.window_logits(ids).astype(np.float64)


def judge(check: str, subject: str, value: float, limit: float) -> Line:
    return Line(check, subject, f"{value:.1e}", f"{limit:.0e}", value <= limit)


def compare_with_llama(
    variation: Variation,
    path: Path,
    expected: np.ndarray,
    ids: list[int],
    context: int,
    ours: np.ndarray | None,
) -> list[Line]:
    theirs = llama_logits(path, ids, context)
    subject = f"{variation.name}, context {context}"
    shown = slice(0, variation.window if variation.family == "phi3" and variation.window else None)
    limit = LIMIT_GEMMA3 if variation.family == "gemma3" else LIMIT
    deep = variation.layers == 62
    value = difference(theirs[shown], expected[shown])
    check = "llama.cpp against numpy"
    lines = [Line(check, subject, f"{value:.1e}") if deep else judge(check, subject, value, limit)]
    if variation.family == "gemma3":
        model = Model(path)
        model.gelu = gelu_of_halves
        tabled = difference(theirs, forward(model, ids, context))
        lines.append(judge("llama.cpp against numpy with f16 GELU", subject, tabled, limit))
    if ours is not None:
        value, check = difference(ours[shown], theirs[shown]), "Hearth against llama.cpp"
        lines.append(
            Line(check, subject, f"{value:.1e}") if deep else judge(check, subject, value, limit)
        )
    return lines


def check_model(variation: Variation, path: Path, hearth: Hearth | None) -> list[Line]:
    model = Model(path)
    vocabulary = model.weights["token_embd.weight"].shape[0]
    contexts = [(256, LENGTH), (1024, LONG_LENGTH)]
    if variation.original_context:
        contexts.append((2 * variation.original_context, LENGTH))
    lines = []
    for context, length in contexts:
        ids = token_ids(variation.name, length, vocabulary)
        expected = forward(model, ids, context)
        subject, ours = f"{variation.name}, context {context}", None
        if hearth:
            ours = hearth.logits(path, ids, context, "f32", isa="reference").astype(np.float64)
            lines.append(
                judge("Hearth reference against numpy", subject, difference(ours, expected), LIMIT)
            )
        if not variation.types and length == LENGTH:
            lines += compare_with_llama(variation, path, expected, ids, context, ours)
    return lines


def quantized(kind: str, folder: Path) -> Path:
    """A tiny model whose matrices are all of one type that gguf cannot encode."""
    path = folder / f"{QUANTIZED_FROM}_{kind}.gguf"
    tool = peers.llama_build() / "llama-quantize"
    subprocess.run(
        [str(tool), "--pure", str(folder / f"{QUANTIZED_FROM}.gguf"), str(path), kind, "1"],
        check=True,
        capture_output=True,
    )
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    hearth_program.add_arguments(parser)
    report.add_arguments(parser)
    arguments = parser.parse_args()
    hearth, folder = hearth_program.of(arguments), peers.cache_folder("tiny")
    lines = []
    for variation in VARIATIONS:
        lines += check_model(variation, make_model(variation, folder), hearth)
    if hearth:
        wide = next(v for v in VARIATIONS if v.name == QUANTIZED_FROM)
        for kind in QUANTIZED_TYPES:
            named = replace(wide, name=f"{QUANTIZED_FROM}_{kind}", types=(kind,))
            lines += check_model(named, quantized(kind, folder), hearth)
    report.finish(lines, arguments)


if __name__ == "__main__":
    main()
