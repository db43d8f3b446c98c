#!/usr/bin/env python3
"""Everything that measures Hearth's answers against independent software, in one table.

Runs each conformance script that is there and collects its lines; a script that ends
without any is one failed line. Exits with 1 if a line fails or
a script cannot run."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import hearth_program
import peers
import report
from report import Line

SCRIPTS = Path(__file__).resolve().parent


PARTS = ("types", "reference", "tokens", "templates", "greedy", "kl", "kv", "embeddings")


def run_part(name: str, arguments: argparse.Namespace, folder: Path) -> list[Line]:
    written, script = folder / f"{name}.json", f"conformance_{name}.py"
    command = [sys.executable, str(SCRIPTS / script), "--json", str(written)]
    command += ["--hearth", str(arguments.hearth), "--threads", str(arguments.threads)]
    started = time.monotonic()
    status = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    seconds = time.monotonic() - started
    print(f"{name}: {seconds:.0f} s, exit {status}", file=sys.stderr, flush=True)
    if written.exists():
        return report.load(written)
    return [Line(name, script, f"exit code {status}, no figures", "figures", False)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    hearth_program.add_arguments(parser)
    report.add_arguments(parser)
    parser.add_argument(
        "parts", nargs="*", default=[], help=f"of {' '.join(PARTS)} (default: all)"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if hearth_program.of(arguments) is None:
        parser.error("each part has --without-hearth of its own")
    peers.llama_build()
    lines: list[Line] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.parts or PARTS:
            lines += run_part(name, arguments, Path(folder))
    report.finish(lines, arguments)


if __name__ == "__main__":
    main()
