#!/usr/bin/env python3
"""Does Hearth choose the tokens that llama.cpp chooses, as far as llama.cpp agrees with itself?

llama.cpp with flash attention off answers 20 prompts greedily, 64 tokens each (end tokens are
kept and do not end an answer). Then, fed those same ids, two others say what they would have
chosen at each position: llama.cpp with flash attention on, one token at a time, and Hearth. All
with f16 KV. The margin of a position is the difference between the two largest logits of the
first. Of the positions where llama.cpp differs from itself, m is the largest margin. Hearth must
differ only where the margin is at most m, and at no more than 1.25 times as many positions.

For scale, what the same weights in F32 (llama.cpp, F32 KV, flash attention off) would have chosen:
m is the extreme of a few dozen positions, and an exact computation can lie beyond it too."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import hearth_program
import peers
import report
from decoded import decoded_to_f32, digest
from hearth_program import Hearth
from llama_reference import LlamaContext, LlamaModel, Settings
from real_text import PROMPTS
from report import Line

ANSWER_TOKENS = 64
CONTEXT = 512
COUNT_LIMIT = 1.25


@dataclass(frozen=True)
class Answer:
    """A prompt, the ids llama.cpp chose after it with what margins, and what it chooses there
    with flash attention, and with F32 weights and KV."""

    prompt: list[int]
    chosen: list[int]
    margins: list[float]
    chosen_with_flash: list[int]
    chosen_exactly: list[int]


def top_two(logits: np.ndarray) -> tuple[int, float]:
    """The largest logit's id (the lowest of equals) and its margin over the second."""
    first = int(logits.argmax())
    second = np.partition(logits, -2)[-2]
    return first, float(logits[first] - second)


def answer_greedily(context: LlamaContext, prompt: list[int]) -> tuple[list[int], list[float]]:
    context.clear()
    chosen, margins, fed = [], [], prompt
    for _ in range(ANSWER_TOKENS):
        token, margin = top_two(context.decode(fed, every_logit=False)[-1])
        chosen.append(token)
        margins.append(margin)
        fed = [token]
    return chosen, margins


def choose_after(context: LlamaContext, prompt: list[int], given: list[int]) -> list[int]:
    """What the context would choose at each position of `given`, fed one token at a time."""
    context.clear()
    steps = [prompt, *([token] for token in given[:-1])]
    return [top_two(context.decode(step, every_logit=False)[-1])[0] for step in steps]


def llama_answers(path: Path, threads: int) -> list[Answer]:
    """From the cache, or computed."""
    settings = [Settings("f16", flash, threads, CONTEXT, CONTEXT) for flash in (False, True)]
    settings.append(Settings("f32", False, threads, CONTEXT, CONTEXT))
    described = json.dumps(
        [peers.SDIST_VERSION, PROMPTS, [asdict(s) for s in settings], ANSWER_TOKENS]
    )
    key = hashlib.sha256(described.encode()).hexdigest()
    cached = peers.cache_folder("results") / f"greedy-{digest(path)[:16]}-{key[:16]}.json"
    if not cached.exists():
        with (
            LlamaModel(path) as model,
            LlamaContext(model, settings[0]) as plain,
            LlamaContext(model, settings[1]) as flash,
            LlamaModel(decoded_to_f32(path, digest(path))) as decoded,
            LlamaContext(decoded, settings[2]) as exact,
        ):
            answers = []
            for text in PROMPTS:
                prompt = model.tokenize(text.encode())
                chosen, margins = answer_greedily(plain, prompt)
                others = choose_after(flash, prompt, chosen)
                best = exact.window_logits(prompt + chosen[:-1])[len(prompt) - 1 :].argmax(axis=1)
                answers.append(asdict(Answer(prompt, chosen, margins, others, best.tolist())))
        cached.write_text(json.dumps(answers))
    return [Answer(**entry) for entry in json.loads(cached.read_text())]


def hearth_choices(hearth: Hearth, path: Path, answer: Answer, threads: int) -> list[int]:
    """One call for a whole answer: by decision 4 its logits are those of one token at a time."""
    ids = answer.prompt + answer.chosen[:-1]
    logits = hearth.logits(path, ids, CONTEXT, "f16", threads=threads)
    return [int(row.argmax()) for row in logits[len(answer.prompt) - 1 :]]


def differing_margins(answers: list[Answer], choices: list[list[int]]) -> list[float]:
    return [
        margin
        for answer, others in zip(answers, choices, strict=True)
        for token, other, margin in zip(answer.chosen, others, answer.margins, strict=True)
        if token != other
    ]


def check(name: str, hearth: Hearth | None, threads: int) -> list[Line]:
    path = hearth_program.model_file(name, hearth)
    answers = llama_answers(path, threads)
    own = differing_margins(answers, [answer.chosen_with_flash for answer in answers])
    exact = differing_margins(answers, [answer.chosen_exactly for answer in answers])
    largest, positions = max(own, default=0.0), len(answers) * ANSWER_TOKENS
    lines = [
        Line(
            "greedy, llama.cpp against itself",
            name,
            f"differs at {len(own)} of {positions:,}, m = {largest:.4f}",
        ),
        Line(
            "greedy, the weights in F32 against llama.cpp",
            name,
            f"differ at {len(exact)} of {positions:,}, largest margin {max(exact, default=0):.4f}",
        ),
    ]
    if hearth is None:
        return lines
    choices = [hearth_choices(hearth, path, answer, threads) for answer in answers]
    ours = differing_margins(answers, choices)
    right = sum(
        own == best != token
        for answer, others in zip(answers, choices, strict=True)
        for token, own, best, margin in zip(
            answer.chosen, others, answer.chosen_exactly, answer.margins, strict=True
        )
        if margin > largest
    )
    most = COUNT_LIMIT * len(own)
    lines.append(
        Line(
            "greedy, where Hearth differs",
            name,
            f"largest margin {max(ours, default=0.0):.4f}; {sum(x > largest for x in ours)} beyond "
            f"m, at {right} of them with the F32 weights",
            f"m = {largest:.4f}",
            max(ours, default=0.0) <= largest,
        )
    )
    lines.append(
        Line(
            "greedy, how often Hearth differs",
            name,
            f"{len(ours)} of {positions:,}",
            f"{most:g}",
            len(ours) <= most,
        )
    )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    hearth_program.add_arguments(parser)
    report.add_arguments(parser)
    parser.add_argument(
        "models", nargs="*", default=list(hearth_program.MODELS), help="default: %(default)s"
    )
    arguments = parser.parse_args()
    hearth, lines = hearth_program.of(arguments), []
    for name in arguments.models:
        lines += check(name, hearth, arguments.threads)
        print(report.markdown(lines[-1:]), file=sys.stderr, flush=True)
    report.finish(lines, arguments)


if __name__ == "__main__":
    main()
