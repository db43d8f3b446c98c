#!/usr/bin/env python3
"""Speed of Hearth beside llama.cpp and ik_llama.cpp: same files, same threads, taking turns.

A round measures every case once, each side one after the other; rounds alternate whether Hearth
goes first. Medians over the rounds, their spread, the ratios, Hearth's share of this machine's
limits as `hearth bench` probed them right before, and what of that was asked for.

    bench_peers.py [ROW …]      of prompt, generation, types, depth, batched, load, fixed, avx2,
                                kv-loss
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
import tempfile
import time
from pathlib import Path

import bench_report
import conformance
import hearth_program
import peers
import report
from bench_rows import NAMES as TIMED_ROWS
from bench_rows import Case, Rows, peers_of
from report import Line

KV_LOSS, KV_LOSS_SECONDS = "kv-loss", 480
NAMES = (*TIMED_ROWS, KV_LOSS)


def announce(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run_rounds(cases: list[Case], rounds_max: int, seconds_after: float) -> None:
    """seconds_after: of what follows, to be counted in."""

    def rounds(case: Case) -> int:
        return min(case.rounds, rounds_max)

    projected = sum(case.seconds * rounds(case) for case in cases) + seconds_after
    announce(f"{len(cases)} cases; projected time {projected / 60:.0f} minutes")
    began = time.monotonic()
    left = seconds_after
    for number in range(max(map(rounds, cases))):
        for case in cases:
            if number >= rounds(case) or case.failure:
                continue
            started = time.monotonic()
            try:
                case.run(hearth_first=number % 2 == 1)
            except RuntimeError as error:
                case.failure = str(error)
                announce(f"  {case.row}: {case.subject}: {error}")
                continue
            seconds = time.monotonic() - started
            if number == 0:
                case.limit_rounds(seconds)
                left += seconds * (rounds(case) - 1)
                announce(f"  {case.row}: {case.subject}: {seconds:.0f} s")
        if number == 0:
            whole = time.monotonic() - began + left
            announce(f"after one round: projected time {whole / 60:.0f} minutes")
    announce(f"took {(time.monotonic() - began) / 60:.1f} minutes")


def kv_loss(arguments: argparse.Namespace) -> list[Line]:
    """The divergence of the KV types, which conformance_kv.py judges."""
    with tempfile.TemporaryDirectory() as folder:
        return conformance.run_part("kv", arguments, Path(folder))


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    hearth_program.add_arguments(parser)
    report.add_arguments(parser)
    parser.add_argument(
        "--rounds", type=int, default=100, help="at most so many (default: as each row asks)"
    )
    parser.add_argument("--models", default="", help="only these, by short name, commas between")
    parser.add_argument(
        "--out",
        type=Path,
        default=peers.ROOT / "bench" / "results",
        help="folder of the result (default: %(default)s)",
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(NAMES)}")
    arguments = parser.parse_args()
    arguments.rows = [row for given in arguments.rows for row in given.split(",")] or list(NAMES)
    if unknown := set(arguments.rows) - set(NAMES):
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return arguments


def main() -> None:
    arguments = parsed_arguments()
    hearth = hearth_program.of(arguments)
    if hearth is None:
        raise SystemExit("nothing to compare without hearth")
    timed = [row for row in arguments.rows if row != KV_LOSS]
    for peer in peers_of(timed):
        peers.built(peer)
    rows = Rows(hearth)
    cases = [case for row in timed for case in getattr(rows, row)()]
    if arguments.models:
        cases = [case for case in cases if case.model in arguments.models.split(",")]
    if cases:
        run_rounds(cases, arguments.rounds, KV_LOSS_SECONDS if KV_LOSS in arguments.rows else 0)
    lines = bench_report.judged(cases, timed)
    if KV_LOSS in arguments.rows:
        lines += kv_loss(arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    machine = re.sub(r"[^a-z0-9]+", "-", bench_report.processor().lower()).strip("-")
    part = "" if set(arguments.rows) == set(NAMES) else "-" + "-".join(arguments.rows)
    if arguments.models:
        part += "-of-" + re.sub(r"[^a-z0-9]+", "-", arguments.models)
    if any(case.rounds > arguments.rounds for case in cases):
        part += f"-rounds-{arguments.rounds}"
    file = arguments.out / f"{datetime.date.today().isoformat()}-{machine}{part}.md"
    file.write_text(bench_report.document(cases, lines, hearth))
    print(f"{bench_report.tables(cases)}\n\n{file}\n")
    report.finish(lines, arguments)


if __name__ == "__main__":
    main()
