"""Hearth as it is judged: the built program, its `logits` command, and where it keeps a model.

    hearth logits MODEL IDS.json --out FILE --ctx N --isa X --kv-type TYPE --threads N
writes raw little-endian f32 [positions, vocabulary] of every window of IDS.json (an array of
arrays of token ids, each computed from an empty cache), one after the other."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import peers

# The models of the conformance and bench tables: short name (a file in the cache) to catalog name.
MODELS = {"smollm2": "smollm2:135m", "gemma3": "gemma3:270m", "qwen": "qwen2.5-coder:1.5b"}


@dataclass(frozen=True)
class Hearth:
    program: Path

    def run(self, *arguments: str) -> str:
        done = subprocess.run([str(self.program), *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(
                f"hearth {' '.join(arguments)} exited with {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def logits(
        self, model: Path, ids: list[int], context: int, kv: str, **options: str | int
    ) -> np.ndarray:
        """Logits [positions, vocabulary] of one window; `options` are further flags (isa …)."""
        with tempfile.TemporaryDirectory(dir=peers.cache_folder("windows")) as folder:
            windows, out = Path(folder, "ids.json"), Path(folder, "logits.f32")
            windows.write_text(json.dumps([ids]))
            flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
            self.run(
                "logits",
                str(model),
                str(windows),
                "--out",
                str(out),
                "--ctx",
                str(context),
                "--kv-type",
                kv,
                *flags,
            )
            return np.fromfile(out, dtype="<f4").reshape(len(ids), -1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    default = os.environ.get("HEARTH_PROGRAM", str(peers.ROOT / "build" / "hearth"))
    parser.add_argument(
        "--hearth", type=Path, default=Path(default), help="the program (default: %(default)s)"
    )
    parser.add_argument("--without-hearth", action="store_true", help="only the peers' own figures")
    parser.add_argument(
        "--threads",
        type=int,
        default=min(2, os.cpu_count() or 1),
        help="threads of every side (default: %(default)s)",
    )


def of(arguments: argparse.Namespace) -> Hearth | None:
    """The program, or None when only the peers are asked for."""
    if arguments.without_hearth:
        return None
    if not arguments.hearth.exists():
        raise SystemExit(
            f"no program at {arguments.hearth}: run `make build`, or pass --without-hearth"
        )
    return Hearth(arguments.hearth)


def model_file(name: str, hearth: Hearth | None) -> Path:
    """The GGUF file of a path, a short name of MODELS or a catalog name, pulled if need be."""
    if Path(name).is_file():
        return Path(name)
    cached = peers.cache_folder("gguf") / f"{name}.gguf"
    if cached.is_file():
        return cached
    if hearth is None:
        raise SystemExit(
            f"{name} is neither a file nor {cached}, and without hearth it cannot be pulled"
        )
    reference = MODELS.get(name, name)
    hearth.run("pull", reference)
    return Path(hearth.json("show", reference)["path"])
