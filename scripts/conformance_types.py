#!/usr/bin/env python3
"""Decoding of 10,000 random blocks of every type, bit by bit against PyPI `gguf`.

make_decode_vectors.py writes the blocks and what gguf makes of them; the unit tests
DecodeVectors.*, built beside the program, compare."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import hearth_program
import peers
import report
from report import Line

BLOCKS = 10000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    report.add_arguments(parser)
    hearth_program.add_arguments(parser)
    arguments = parser.parse_args()
    maker = Path(__file__).resolve().parent / "make_decode_vectors.py"
    with tempfile.TemporaryDirectory(dir=peers.cache_folder("windows")) as folder:
        subprocess.run([sys.executable, str(maker), "--blocks", str(BLOCKS), folder], check=True)
        done = subprocess.run(
            [str(arguments.hearth.parent / "hearth_tests"), "--gtest_filter=DecodeVectors.*"],
            text=True,
            stdout=subprocess.PIPE,
            env=os.environ | {"HEARTH_DECODE_VECTORS": folder},
        )
        count = len(list(Path(folder).glob("*.bin")))
    ran = "[  PASSED  ] 0 tests" not in done.stdout
    sys.stderr.write(done.stdout)
    measured = "bit-equal" if done.returncode == 0 else "differs"
    report.finish(
        [
            Line(
                "decoding against gguf",
                f"{count} types, {BLOCKS:,} blocks each",
                measured,
                "bit-equal",
                done.returncode == 0 and ran and count > 0,
            )
        ],
        arguments,
    )


if __name__ == "__main__":
    main()
