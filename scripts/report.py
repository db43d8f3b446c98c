"""Lines of a conformance report: what was measured, the limit, and whether it holds.

Every conformance script prints its lines as a markdown table, writes them with --json for
conformance.py to collect, and exits with 1 if one fails."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """`passed` is None for a figure that is shown and not judged."""

    check: str
    subject: str
    measured: str
    limit: str = ""
    passed: bool | None = None


VERDICTS = {True: "pass", False: "**FAIL**", None: ""}


def markdown(lines: list[Line]) -> str:
    rows = ["| check | on | measured | limit | |", "|---|---|---|---|---|"]
    rows += [
        f"| {x.check} | {x.subject} | {x.measured} | {x.limit} | {VERDICTS[x.passed]} |"
        for x in lines
    ]
    return "\n".join(rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, help="also write the lines to this file")


def finish(lines: list[Line], arguments: argparse.Namespace) -> None:
    """Prints, writes and exits."""
    print(markdown(lines), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(line) for line in lines], indent=1))
    failed = sum(line.passed is False for line in lines)
    judged = sum(line.passed is not None for line in lines)
    print(f"\n{judged - failed} of {judged} checks hold", flush=True)
    sys.exit(1 if failed or not judged else 0)


def load(path: Path) -> list[Line]:
    return [Line(**entry) for entry in json.loads(path.read_text())]
