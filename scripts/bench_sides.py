"""The programs that are measured, one function each: it runs the program once and gives what it
measured, by test ("pp512", "tg32@d4096", "tg64x16", …)."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import peers
from hearth_program import Hearth

HEARTH, LLAMA, IK = "Hearth", "llama.cpp", "ik_llama.cpp"
INT8_PEAK, READ_BANDWIDTH = "int8 peak", "read bandwidth"


@dataclass(frozen=True)
class Sample:
    """One measurement: tokens per second, or what the test's name says."""

    value: float
    shares: dict[str, float]  # of this machine's limits, by name; of Hearth alone
    cores_shared: bool = False


Samples = dict[str, Sample]


def run(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}: {done.stderr}")
    return done.stdout


def hearth_bench(
    hearth: Hearth, model: Path, threads: int, *flags: str, repetitions: int = 1
) -> Samples:
    """One repetition: the rounds repeat."""
    flags = ("--threads", str(threads), "--repetitions", str(repetitions), *flags)
    samples = {}
    for row in hearth.json("bench", str(model), *flags)["rows"]:
        shares = {
            INT8_PEAK: row["gops"] / row["gops_peak"] if row["gops_peak"] else 0.0,
            READ_BANDWIDTH: row["gbytes_per_second"] / row["read_bandwidth"],
        }
        samples[row["name"]] = Sample(row["tokens_per_second"], shares, row["cores_shared"])
    return samples


def llama_bench(
    peer: peers.Peer, model: Path, threads: int, *flags: str, repetitions: int = 1
) -> Samples:
    """llama-bench of any peer with flash attention, after its own warm-up; the median."""
    tool = str(peers.built(peer) / "llama-bench")
    command = [tool, "-m", str(model), "-t", str(threads), "-fa", "1", "-o", "json"]
    answer = run([*command, "-r", str(repetitions), *flags])
    samples = {}
    for entry in json.loads(answer[answer.index("[\n") :]):
        prompt, generated, depth = entry["n_prompt"], entry["n_gen"], entry.get("n_depth", 0)
        name = f"pp{prompt}" if prompt else f"tg{generated}"
        samples[name + (f"@d{depth}" if depth else "")] = Sample(
            statistics.median(entry["samples_ts"]), {}
        )
    return samples


def llama_batched(
    model: Path, threads: int, depth: int, generated: int, sequences: tuple[int, ...]
) -> Samples:
    """Sequences generating together, their tokens summed."""
    tool = str(peers.llama_build() / "llama-batched-bench")
    context = -(-max(sequences) * (depth + generated) // 1024) * 1024
    counts = ",".join(map(str, sequences))
    command = [tool, "-m", str(model), "-t", str(threads), "-fa", "on", "-c", str(context)]
    command += ["-npp", str(depth), "-ntg", str(generated), "-npl", counts]
    lines = run([*command, "--output-format", "jsonl"]).splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    return {f"tg{generated}x{entry['pl']}": Sample(entry["speed_tg"], {}) for entry in entries}


def whole_process(
    command: list[str], environment: dict[str, str] | None = None
) -> tuple[float, float]:
    """Seconds from start to end, and the most bytes that were resident."""
    wrapper = [sys.executable, "-I", "-S", str(Path(__file__).with_name("bench_process.py"))]
    done = json.loads(run([*wrapper, *command], environment))
    if done["exit"] != 0:
        raise RuntimeError(f"{' '.join(command)} exited with {done['exit']}: {done['stderr']}")
    return done["seconds"], done["resident_bytes"]


@contextmanager
def empty_home() -> Iterator[dict[str, str]]:
    """An environment in which Hearth finds no file that an earlier process left."""
    with tempfile.TemporaryDirectory(dir=peers.cache_folder("windows")) as folder:
        names = ("HEARTH_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
        yield os.environ | {name: folder for name in names}


def warmed(model: Path) -> int:
    """Reads the file, so that it is in the page cache; its bytes."""
    total = 0
    with model.open("rb", buffering=0) as file:
        while part := file.read(1 << 24):
            total += len(part)
    return total


def hearth_load(hearth: Hearth, model: Path, threads: int) -> Samples:
    """A first process, then one that finds the weight cache that another has left."""
    bytes_of_file = warmed(model)
    command = [str(hearth.program), "run", str(model), "hi", "--raw", "--max-tokens", "1"]
    command += ["--threads", str(threads)]
    with empty_home() as environment:
        first = whole_process(command, environment)
        environment |= {"HEARTH_WEIGHT_CACHE": "1"}
        whole_process(command, environment)  # writes it
        again = whole_process(command, environment)
    return {
        "first start, s": Sample(first[0], {}),
        "second start, s": Sample(again[0], {}),
        "first start, RSS ÷ file": Sample(first[1] / bytes_of_file, {}),
        "second start, RSS ÷ file": Sample(again[1] / bytes_of_file, {}),
    }


def llama_load(model: Path, threads: int) -> Samples:
    """llama.cpp keeps nothing between processes: each start is a first one."""
    bytes_of_file = warmed(model)
    tool = str(peers.llama_build() / "llama-bench")
    command = [tool, "-m", str(model), "-t", str(threads), "-fa", "1"]
    command += ["-p", "0", "-n", "1", "-r", "1", "--no-warmup"]
    seconds, resident = whole_process(command)
    names = ("first start", "second start")
    samples = {f"{name}, s": Sample(seconds, {}) for name in names}
    return samples | {f"{name}, RSS ÷ file": Sample(resident / bytes_of_file, {}) for name in names}
