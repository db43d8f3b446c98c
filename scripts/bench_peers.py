#!/usr/bin/env python3
"""Speed of Hearth beside llama.cpp: same files, same threads, taking turns within the same minutes.

A round runs `llama-bench` (native build, flash attention on, f16 KV) and `hearth bench` one
after the other, each with one repetition: a prompt of 512 tokens (pp512) and 128 generated ones
(tg128). Rounds alternate which goes first. Medians over the rounds, their spread, the ratio, and
Hearth's share of this machine's int8 peak (prompt) and read bandwidth (generation), as `hearth
bench` measured them in the same run.

    hearth bench MODEL --threads N --json
gives {"rows": [{"name": "pp512" | "tg128", "tokens_per_second": …, "gops": …, "gops_peak": …,
"gbytes_per_second": …, "read_bandwidth": …}, …]}.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import hearth_program
import peers
import report
from hearth_program import Hearth
from report import Line

TESTS = ("pp512", "tg128")
RATIO_LIMIT = 0.5


@dataclass
class Case:
    """One model with one thread count; samples in tokens per second, by side and test."""

    model: str
    path: Path
    threads: int
    samples: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    shares: dict[str, list[float]] = field(default_factory=dict)

    def add(self, side: str, test: str, value: float) -> None:
        self.samples.setdefault((side, test), []).append(value)


def run_llama(case: Case) -> None:
    command = [
        str(peers.llama_build() / "llama-bench"),
        "-m",
        str(case.path),
        "-p",
        "512",
        "-n",
        "128",
        "-t",
        str(case.threads),
        "-fa",
        "1",
        "-r",
        "1",
        "-o",
        "json",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    for entry in json.loads(done.stdout):
        case.add("llama.cpp", "pp512" if entry["n_prompt"] else "tg128", entry["avg_ts"])


def run_hearth(case: Case, hearth: Hearth) -> None:
    flags = ("--threads", str(case.threads), "--repetitions", "1")
    for row in hearth.json("bench", str(case.path), *flags)["rows"]:
        if row["name"] not in TESTS:
            continue
        case.add("Hearth", row["name"], row["tokens_per_second"])
        share = (
            row["gops"] / row["gops_peak"]
            if row["name"] == "pp512"
            else (row["gbytes_per_second"] / row["read_bandwidth"])
        )
        case.shares.setdefault(row["name"], []).append(share)


def run_round(case: Case, hearth: Hearth | None, hearth_first: bool) -> None:
    if hearth and hearth_first:
        run_hearth(case, hearth)
    run_llama(case)
    if hearth and not hearth_first:
        run_hearth(case, hearth)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.1f} ({min(values):,.1f}–{max(values):,.1f})"


def rows_of(case: Case) -> list[list[str]]:
    rows = []
    for test in TESTS:
        theirs = case.samples["llama.cpp", test]
        row = [case.model, test, str(case.threads), spread(theirs)]
        ours = case.samples.get(("Hearth", test))
        if ours:
            ratio = statistics.median(ours) / statistics.median(theirs)
            limit = "int8 peak" if test == "pp512" else "read bandwidth"
            row += [
                spread(ours),
                f"{ratio:.2f}",
                f"{statistics.median(case.shares[test]):.0%} of {limit}",
            ]
        rows.append(row + [""] * (7 - len(row)))
    return rows


def table(cases: list[Case]) -> str:
    lines = [
        "| model | test | threads | llama.cpp, t/s | Hearth, t/s | ratio | Hearth's share |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(row)} |" for case in cases for row in rows_of(case)]
    return "\n".join(lines)


def judged(cases: list[Case]) -> list[Line]:
    lines = []
    for case in cases:
        for test in TESTS:
            ours = case.samples.get(("Hearth", test))
            if ours:
                ratio = statistics.median(ours) / statistics.median(case.samples["llama.cpp", test])
                lines.append(
                    Line(
                        "speed ÷ llama.cpp",
                        f"{case.model} {test}, {case.threads} threads",
                        f"{ratio:.2f}",
                        f"{RATIO_LIMIT}",
                        ratio >= RATIO_LIMIT,
                    )
                )
    return lines


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def document(cases: list[Case], rounds: int) -> str:
    today = datetime.date.today().isoformat()
    return f"""# Speed beside llama.cpp, {today}

{processor()}, {rounds} interleaved rounds.
llama.cpp of {peers.SDIST} {peers.SDIST_VERSION}, native build, flash attention on.
Medians of tokens per second (smallest–largest). `make bench` repeats it.

{table(cases)}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    hearth_program.add_arguments(parser)
    report.add_arguments(parser)
    parser.set_defaults(threads=None)
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument(
        "--out",
        type=Path,
        default=peers.ROOT / "bench" / "results",
        help="folder of the result (default: %(default)s)",
    )
    parser.add_argument(
        "models",
        nargs="*",
        default=list(hearth_program.MODELS),
        help="paths, short or catalog names (default: %(default)s)",
    )
    arguments = parser.parse_args()
    hearth = hearth_program.of(arguments)
    threads = [arguments.threads] if arguments.threads else [1, 2]
    cases = [
        Case(name, hearth_program.model_file(name, hearth), count)
        for name in arguments.models
        for count in threads
    ]
    peers.llama_build()
    started = time.monotonic()
    for number in range(arguments.rounds):
        for case in cases:
            run_round(case, hearth, hearth_first=number % 2 == 1)
        if number == 0:
            each = time.monotonic() - started
            print(
                f"a round takes {each:.0f} s, "
                f"{arguments.rounds} rounds {each * arguments.rounds / 60:.1f} minutes",
                file=sys.stderr,
                flush=True,
            )
    arguments.out.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", processor().lower()).strip("-")
    file = arguments.out / f"{datetime.date.today().isoformat()}-{name}.md"
    file.write_text(document(cases, arguments.rounds))
    print(f"{table(cases)}\n\n{file}\n")
    lines = judged(cases)
    if lines:
        report.finish(lines, arguments)


if __name__ == "__main__":
    main()
