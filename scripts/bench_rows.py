"""What is measured: each row of the table of targets as a list of cases. A case is one model with
one number of threads and one variant, and for each side a call that measures it once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import bench_models
import bench_sides as sides
import hearth_program
import peers
from bench_sides import HEARTH, IK, LLAMA, Sample, Samples
from hearth_program import Hearth

THREADS = (1, 2)
ROUNDS, ROUNDS_OF_LONG_CASES, LONG_SECONDS = 5, 3, 20
SHORT_REPETITIONS = 9  # of runs of some 50 ms, of both sides
KV_TYPES = ("f16", "q8_0")
DEPTH, DEPTH_PROMPT, DEPTH_GENERATED = 4096, 256, 32
SEQUENCES, BATCHED_DEPTH, BATCHED_GENERATED = (4, 16), 128, 64
# Seconds a round of a case takes all sides together, on two Zen 4 cores, by row and by model, for
# one thread and for two. They only announce how long the whole will take, until a round has shown.
SECONDS = {
    "prompt": {"qwen": (44, 26), "smollm2": (10, 7), "gemma3": (8, 5)},
    "generation": {"qwen": (25, 20), "smollm2": (5, 4), "gemma3": (11, 8)},
    "types": {"random 1B": (40, 16)},
    "depth": {"qwen": (300, 155), "smollm2": (90, 52)},
    "batched": {"qwen": (140, 77), "smollm2": (36, 22)},
    "load": {"qwen": (9, 9), "smollm2": (1, 1)},
    "fixed": {"random nano": (3, 3)},
    "avx2": {"qwen": (60, 33), "smollm2": (14, 7), "gemma3": (12, 6)},
}


@dataclass
class Case:
    row: str
    model: str
    threads: int
    measure: dict[str, Callable[[], Samples]]  # by side
    variant: str = ""
    rounds: int = ROUNDS
    failure: str = ""  # why it was given up
    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)  # side, test

    def __post_init__(self) -> None:
        self.limit_rounds(self.seconds)

    def limit_rounds(self, seconds: float) -> None:
        """seconds: that a round takes, as far as is known."""
        if seconds > LONG_SECONDS:
            self.rounds = ROUNDS_OF_LONG_CASES

    @property
    def subject(self) -> str:
        variant = f", {self.variant}" if self.variant else ""
        return f"{self.model}{variant}, {self.threads} thread{'s' if self.threads > 1 else ''}"

    @property
    def seconds(self) -> float:
        return SECONDS[self.row][self.model][min(self.threads, 2) - 1]

    def tests(self) -> list[str]:
        return [test for side, test in self.samples if side == HEARTH]

    def run(self, hearth_first: bool) -> None:
        """Every side once."""
        for side in sorted(self.measure, key=lambda side: (side == HEARTH) != hearth_first):
            for test, sample in self.measure[side]().items():
                self.samples.setdefault((side, test), []).append(sample)


class Rows:
    """Makes the cases of a row, by the row's name."""

    def __init__(self, hearth: Hearth) -> None:
        self.hearth = hearth

    def model(self, name: str) -> Path:
        return hearth_program.model_file(name, self.hearth)

    def bench(self, model: Path, threads: int, *flags: str) -> Callable[..., Samples]:
        return partial(sides.hearth_bench, self.hearth, model, threads, *flags)

    def beside_both(self, row: str, *asked: str) -> list[Case]:
        """A row of `hearth bench`, and what llama-bench is asked for the same work."""
        cases = []
        for name in hearth_program.MODELS:
            model = self.model(name)
            for threads in THREADS:
                llama = partial(sides.llama_bench, peers.LLAMA, model, threads, *asked)
                # Repacking at run time makes its prompts slower and its generation faster.
                repack = ("-rtr", "1" if row == "generation" else "0")
                ik = partial(sides.llama_bench, peers.IK, model, threads, *asked, *repack)
                ours = self.bench(model, threads, "--rows", row)
                cases.append(Case(row, name, threads, {HEARTH: ours, LLAMA: llama, IK: ik}))
        return cases

    def prompt(self) -> list[Case]:
        return self.beside_both("prompt", "-p", "512", "-n", "0")

    def generation(self) -> list[Case]:
        return self.beside_both("generation", "-p", "0", "-n", "128")

    def types(self) -> list[Case]:
        cases = []
        for kind in bench_models.TYPES:
            model = bench_models.large(kind)
            asked = (model, THREADS[-1], "-p", "512", "-n", "0")
            measure = {
                HEARTH: self.bench(model, THREADS[-1], "--rows", "prompt"),
                LLAMA: partial(sides.llama_bench, peers.LLAMA, *asked),
            }
            cases.append(Case("types", "random 1B", THREADS[-1], measure, kind))
        return cases

    def depth(self) -> list[Case]:
        cases = []
        for name in ("qwen", "smollm2"):
            model = self.model(name)
            for kv in KV_TYPES:
                ours = ("--rows", "depth", "--depth", str(DEPTH), "--kv-type", kv)
                theirs = ("-p", str(DEPTH_PROMPT), "-n", str(DEPTH_GENERATED), "-d", str(DEPTH))
                theirs += ("-ctk", kv, "-ctv", kv)
                measure = {
                    HEARTH: self.bench(model, THREADS[-1], *ours),
                    LLAMA: partial(sides.llama_bench, peers.LLAMA, model, THREADS[-1], *theirs),
                }
                cases.append(Case("depth", name, THREADS[-1], measure, kv))
        return cases

    def batched(self) -> list[Case]:
        counts = ",".join(map(str, SEQUENCES))
        cases = []
        for name in ("qwen", "smollm2"):
            model = self.model(name)
            work = (BATCHED_DEPTH, BATCHED_GENERATED, SEQUENCES)
            measure = {
                HEARTH: self.bench(model, THREADS[-1], "--rows", "batched", "--sequences", counts),
                LLAMA: partial(sides.llama_batched, model, THREADS[-1], *work),
            }
            cases.append(Case("batched", name, THREADS[-1], measure))
        return cases

    def load(self) -> list[Case]:
        cases = []
        for name in ("qwen", "smollm2"):
            model = self.model(name)
            measure = {
                HEARTH: partial(sides.hearth_load, self.hearth, model, THREADS[-1]),
                LLAMA: partial(sides.llama_load, model, THREADS[-1]),
            }
            cases.append(Case("load", name, THREADS[-1], measure))
        return cases

    def fixed(self) -> list[Case]:
        model = bench_models.nano()
        cases = []
        for threads in THREADS:
            generate = self.bench(model, threads, "--rows", "generation")
            llama = partial(sides.llama_bench, peers.LLAMA, model, threads, "-p", "0", "-n", "128")

            def ours(generate: Callable[..., Samples] = generate) -> Samples:
                samples = generate(repetitions=SHORT_REPETITIONS)
                sample = samples["tg128"]
                whole = 1e6 / sample.value / bench_models.NANO.layers
                # What reading its weights at the probed bandwidth leaves of it; nothing is taken
                # off where a last-level cache reads faster than the probed memory.
                read = sample.shares[sides.READ_BANDWIDTH]
                left = whole * (1 - read) if read < 1 else whole
                return samples | {
                    name: Sample(value, {}, sample.cores_shared)
                    for name, value in (("µs a layer", left), ("all µs a layer", whole))
                }

            measure = {HEARTH: ours, LLAMA: partial(llama, repetitions=SHORT_REPETITIONS)}
            cases.append(Case("fixed", "random nano", threads, measure))
        return cases

    def avx2(self) -> list[Case]:
        cases = []
        for name in hearth_program.MODELS:
            model, threads = self.model(name), THREADS[-1]
            asked = (model, threads, "-p", "512", "-n", "0")
            measure = {
                HEARTH: self.bench(model, threads, "--rows", "prompt", "--isa", "avx2"),
                LLAMA: partial(sides.llama_bench, peers.LLAMA_AVX2, *asked),
            }
            cases.append(Case("avx2", name, threads, measure))
        return cases


NAMES = tuple(SECONDS)
# Which builds a row needs.
PEERS_OF = {"prompt": (peers.LLAMA, peers.IK), "generation": (peers.LLAMA, peers.IK)}
PEERS_OF |= {"avx2": (peers.LLAMA, peers.LLAMA_AVX2)}


def peers_of(rows: list[str]) -> list[peers.Peer]:
    wanted = [peer for row in rows for peer in PEERS_OF.get(row, (peers.LLAMA,))]
    return list(dict.fromkeys(wanted))
