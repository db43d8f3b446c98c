#!/usr/bin/env python3
"""Everything that measures Hearth's answers against independent software, in one table.

Runs each conformance script that is there and collects its lines; a script that does not write
lines (--json) is one line, by its exit code and its last words. Exits with 1 if a line fails or
a script cannot run."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import hearth_program
import peers
import report
from report import Line

SCRIPTS = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Part:
    """A script: `writes_lines` if it knows --json, `runs_hearth` if it takes --hearth."""

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    writes_lines: bool = True
    runs_hearth: bool = True


PARTS = [
    Part("types", "conformance_types.py", runs_hearth=False),
    Part("reference", "conformance_reference.py"),
    Part("tokens", "conformance_tokens.py", writes_lines=False),
    Part("templates", "conformance_templates.py", writes_lines=False),
    Part("greedy", "conformance_greedy.py"),
    Part("kl", "conformance_kl.py"),
]


def run_part(part: Part, arguments: argparse.Namespace, folder: Path) -> list[Line]:
    written = folder / f"{part.name}.json"
    command = [sys.executable, str(SCRIPTS / part.script), *part.arguments]
    if part.writes_lines:
        command += ["--json", str(written)]
    if part.runs_hearth:
        command += (
            ["--without-hearth"]
            if arguments.without_hearth
            else ["--hearth", str(arguments.hearth)]
        )
    started = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    print(
        f"{part.name}: {time.monotonic() - started:.0f} s, exit {done.returncode}",
        file=sys.stderr,
        flush=True,
    )
    if written.exists():
        return report.load(written)
    words = [line for line in done.stdout.splitlines() if line.strip()]
    return [
        Line(
            part.name,
            part.script,
            words[-1] if words else f"exit code {done.returncode}",
            "exit code 0",
            done.returncode == 0,
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    hearth_program.add_arguments(parser)
    report.add_arguments(parser)
    parser.add_argument(
        "parts", nargs="*", help=f"of {' '.join(part.name for part in PARTS)} (default: all)"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - {part.name for part in PARTS}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    hearth_program.of(arguments)
    peers.llama_build()
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            if not arguments.parts or part.name in arguments.parts:
                lines += run_part(part, arguments, Path(folder))
    report.finish(lines, arguments)


if __name__ == "__main__":
    main()
