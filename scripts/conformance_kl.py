#!/usr/bin/env python3
"""How much quality Hearth's arithmetic costs, beside llama.cpp's: divergence from the same weights
in F32.

The reference is llama.cpp on the weights decoded to F32 (F32 KV, flash attention off).
Candidates run the quantized file with f16 KV: llama.cpp with flash attention on, and Hearth. At
every position of every window of real text: KL(reference ‖ candidate) over the whole vocabulary,
and the negative log likelihood of the next token. Mean KL of Hearth ÷ mean KL of llama.cpp must
be at most 1.1. Its 95 % interval is a paired bootstrap over runs of 32 consecutive positions
(neighbours are not independent), seeded.

llama.cpp's own divergences are cached by the file's digest and these settings; the F32 logits
are computed again each time Hearth is judged, as they are too large to keep."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np

import hearth_program
import peers
import report
from decoded import decoded_to_f32, digest
from hearth_program import Hearth
from llama_reference import LlamaContext, LlamaModel, Settings
from real_text import PASSAGES
from report import Line

WINDOW_TOKENS = 512
WINDOWS = {"smollm2": 10, "gemma3": 10, "qwen": 4}
RATIO_LIMIT = 1.1
# Text that surely holds a window: no tokenizer here averages more than 12 bytes a token.
PASSAGE_BYTES = 12 * WINDOW_TOKENS
ROWS_AT_ONCE = 64  # 64 rows of 262,144 float64 are 134 MB
RUN_POSITIONS = 32
BOOTSTRAP_DRAWS = 10000

Compute = Callable[[list[int]], np.ndarray]


@dataclass
class Scores:
    """Of every position: divergence from the reference, and -log p of the token after it."""

    divergence: np.ndarray  # [windows, positions]
    surprise: np.ndarray  # [windows, positions - 1]

    @property
    def perplexity(self) -> float:
        return float(np.exp(self.surprise.mean()))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def score(
    reference: np.ndarray, candidate: np.ndarray, ids: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Divergence [positions] and surprise [positions - 1]; logits are [positions, vocabulary]."""
    if reference.shape != candidate.shape:
        raise RuntimeError(f"logits of {candidate.shape} where {reference.shape} are wanted")
    following = np.array([*ids[1:], 0])
    divergences, surprises = [], []
    for start in range(0, len(ids), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        p, q = log_softmax(reference[rows]), log_softmax(candidate[rows])
        divergences.append((np.exp(p) * (p - q)).sum(axis=1))
        surprises.append(-q[np.arange(len(q)), following[rows]])
    return np.concatenate(divergences), np.concatenate(surprises)[:-1]


def text_windows(model: LlamaModel, count: int) -> list[list[int]]:
    windows = []
    for passage in PASSAGES[:count]:
        ids = model.tokenize(passage.read(PASSAGE_BYTES))
        if len(ids) < WINDOW_TOKENS:
            raise RuntimeError(
                f"{passage.name} gives {len(ids)} tokens, {WINDOW_TOKENS} are wanted"
            )
        windows.append(ids[:WINDOW_TOKENS])
    return windows


def cache_file(path_digest: str, windows: list[list[int]]) -> Path:
    settings = json.dumps([peers.SDIST_VERSION, windows, "f32 off / f16 on"])
    key = hashlib.sha256(settings.encode()).hexdigest()
    return peers.cache_folder("results") / f"kl-{path_digest[:16]}-{key[:16]}.npz"


def scores_of(
    candidates: dict[str, Compute], reference: Compute, windows: list[list[int]]
) -> dict[str, Scores]:
    """Window by window, so that one window's logits of each side are in memory at a time."""
    found: dict[str, list] = {name: [] for name in ("reference", *candidates)}
    for number, ids in enumerate(windows):
        started = time.monotonic()
        exact = reference(ids)
        found["reference"].append(score(exact, exact, ids))
        for name, compute in candidates.items():
            found[name].append(score(exact, compute(ids), ids))
        print(
            f"  window {number + 1} of {len(windows)}: {time.monotonic() - started:.1f} s",
            file=sys.stderr,
            flush=True,
        )
    return {
        name: Scores(np.array([d for d, _ in parts]), np.array([s for _, s in parts]))
        for name, parts in found.items()
    }


def measure(name: str, count: int, hearth: Hearth | None, threads: int) -> dict[str, Scores]:
    path = hearth_program.model_file(name, hearth)
    path_digest = digest(path)
    exact_settings = Settings("f32", False, threads, WINDOW_TOKENS, WINDOW_TOKENS)
    quantized_settings = Settings("f16", True, threads, WINDOW_TOKENS, WINDOW_TOKENS)
    with LlamaModel(path, vocabulary_only=True) as vocabulary:
        windows = text_windows(vocabulary, count)
    cached = cache_file(path_digest, windows)
    scores: dict[str, Scores] = {}
    if cached.exists():
        with np.load(cached) as kept:
            scores = {
                side: Scores(kept[f"{side} divergence"], kept[f"{side} surprise"])
                for side in ("reference", "llama.cpp")
            }
    if scores and hearth is None:
        return scores
    with ExitStack() as stack:

        def context(file: Path, settings: Settings) -> LlamaContext:
            model = stack.enter_context(LlamaModel(file))
            return stack.enter_context(LlamaContext(model, settings))

        exact = context(decoded_to_f32(path, path_digest), exact_settings)
        candidates: dict[str, Compute] = {}
        if not scores:
            candidates["llama.cpp"] = context(path, quantized_settings).window_logits
        if hearth:
            candidates["Hearth"] = lambda ids: hearth.logits(
                path, ids, WINDOW_TOKENS, "f16", threads=threads
            )
        scores |= scores_of(candidates, exact.window_logits, windows)
    if not cached.exists():
        np.savez(
            cached,
            **{
                f"{side} {field}": getattr(scores[side], field)
                for side in ("reference", "llama.cpp")
                for field in ("divergence", "surprise")
            },
        )
    return scores


def ratio_interval(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """95 % interval of mean(ours) / mean(theirs), drawing runs of positions with replacement."""
    a, b = (x.reshape(-1, RUN_POSITIONS).mean(axis=1) for x in (ours, theirs))
    drawn = np.random.default_rng(1).integers(0, len(a), (BOOTSTRAP_DRAWS, len(a)))
    low, high = np.percentile(a[drawn].mean(axis=1) / b[drawn].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def ratio_line(
    name: str, subject: str, sides: tuple[np.ndarray, np.ndarray], limit: float
) -> Line:
    """Hearth's mean divergence ÷ llama.cpp's (`sides`, in this order), with its interval."""
    ours, theirs = sides
    ratio, (low, high) = ours.mean() / theirs.mean(), ratio_interval(ours, theirs)
    measured = f"{ratio:.3f} [{low:.3f}, {high:.3f}]"
    return Line(name, subject, measured, f"{limit}", bool(ratio <= limit))


def lines_of(name: str, scores: dict[str, Scores]) -> list[Line]:
    positions = scores["reference"].divergence.size
    subject = f"{name}, {positions:,} positions"
    lines = [
        Line(
            "perplexity",
            subject,
            ", ".join(f"{side} {s.perplexity:.3f}" for side, s in scores.items()),
        )
    ]
    lines += [
        Line(
            "mean KL to F32",
            subject,
            f"{side} {s.divergence.mean():.3e} "
            f"(median {np.median(s.divergence):.1e}, 99 % {np.percentile(s.divergence, 99):.1e})",
        )
        for side, s in scores.items()
        if side != "reference"
    ]
    # A first token that is not BOS can hold most of the mean: judged with the rest, shown apart.
    lines += [
        Line(
            "mean KL to F32 after the first position",
            subject,
            f"{side} {s.divergence[:, 1:].mean():.3e}",
        )
        for side, s in scores.items()
        if side != "reference"
    ]
    if "Hearth" in scores:
        ours, theirs = scores["Hearth"].divergence, scores["llama.cpp"].divergence
        lines.append(ratio_line("KL, Hearth ÷ llama.cpp", subject, (ours, theirs), RATIO_LIMIT))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    hearth_program.add_arguments(parser)
    report.add_arguments(parser)
    parser.add_argument("--windows", type=int, help="of each model (default: 10, and 4 of qwen)")
    parser.add_argument("models", nargs="*", default=list(WINDOWS), help="default: %(default)s")
    arguments = parser.parse_args()
    hearth, lines = hearth_program.of(arguments), []
    print("text: " + ", ".join(passage.name for passage in PASSAGES), file=sys.stderr)
    for name in arguments.models:
        count = arguments.windows or WINDOWS.get(name, len(PASSAGES))
        lines += lines_of(name, measure(name, count, hearth, arguments.threads))
        print(report.markdown(lines), file=sys.stderr, flush=True)
    report.finish(lines, arguments)


if __name__ == "__main__":
    main()
