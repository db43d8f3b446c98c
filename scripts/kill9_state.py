#!/usr/bin/env python3
"""Kills processes that add keys with SIGKILL, at seeded moments: after each kill the state must
pass SQLite's integrity check, and hold every key whose adding had been acknowledged.

  scripts/kill9_state.py VICTIM [--rounds 50] [--seed 1]

VICTIM is build/key_victim. Rounds go in threes on one file: killed while the file is made (often
before a first key), while keys are added, and two processes at once. SQLite's own view is Python's
sqlite3; it and the victim look at what was left in turns, so that each has to recover it.
"""

import argparse
import contextlib
import hashlib
import random
import select
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WAIT_S = 30  # for anything; each is there in well under a second
CREATION_S = 0.02  # the file is made, and takes its schema, in about this time
STEPS = ["creation", "adding", "two"]


def start(victim, file, name):
    return subprocess.Popen([victim, str(file), name], stdout=subprocess.PIPE, bufsize=0)


def wait_for_keys(process, count):
    """The output up to the count-th key."""
    text, end = b"", time.monotonic() + WAIT_S
    while text.count(b"\n") < count and time.monotonic() < end:
        if select.select([process.stdout], [], [], 1)[0]:
            piece = process.stdout.read(4096)
            if not piece:
                break
            text += piece
    return text


def killed(processes, heads):
    """Kills all at once; ([(name, secret)] that they acknowledged, faults)."""
    for process in processes:
        process.kill()
    keys, faults = [], []
    for process, head in zip(processes, heads):
        text = head + process.stdout.read()
        process.stdout.close()
        if process.wait(WAIT_S) != -9:
            faults.append(f"it ended by itself, with {process.returncode}")
        # What follows the last newline was not said whole.
        keys += [tuple(line.split()) for line in text.decode().splitlines(True)
                 if line.endswith("\n")]
    return keys, faults


def seen_by_sqlite(file, keys):
    """Faults, as another program sees them."""
    if not file.exists():
        return [] if not keys else ["no file"]
    with contextlib.closing(sqlite3.connect(file)) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchall()
        if verdict != [("ok",)]:
            return [f"integrity_check: {verdict}"]
        has_schema = connection.execute("PRAGMA user_version").fetchone()[0]
        rows = connection.execute("SELECT name, secret_sha256 FROM keys") if has_schema else []
        stored = {name: digest for name, digest in rows}
    return [f"SQLite finds no key {name}" for name, secret in keys
            if stored.get(name) != hashlib.sha256(secret.encode()).digest()]


def seen_by_state(victim, file, keys):
    lines = "".join(f"{name} {secret}\n" for name, secret in keys)
    done = subprocess.run([victim, str(file)], input=lines, capture_output=True, text=True,
                          check=False, timeout=WAIT_S)
    return [] if done.returncode == 0 else [f"State: {done.stdout}{done.stderr}".strip()]


def one_round(victim, file, number, generator):
    """Returns ([(name, secret)] acknowledged, faults of the kill itself)."""
    step = STEPS[number % len(STEPS)]
    if step == "creation":
        process = start(victim, file, f"key{number}")
        time.sleep(generator.uniform(0, CREATION_S))
        return killed([process], [b""])
    processes = [start(victim, file, f"key{number}-{i}") for i in range(1 + (step == "two"))]
    heads = [wait_for_keys(process, generator.randint(1, 20)) for process in processes]
    time.sleep(generator.uniform(0, 0.005))
    return killed(processes, heads)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("victim")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    generator = random.Random(arguments.seed)
    root = Path(tempfile.mkdtemp(prefix="hearth-kill9-state-"))
    keys, key_count, failures, begin = [], 0, 0, time.monotonic()
    for number in range(arguments.rounds):
        file = root / str(number // len(STEPS)) / "state.db"
        if number % len(STEPS) == 0:
            keys = []
        added, faults = one_round(arguments.victim, file, number, generator)
        keys += added
        key_count += len(added)
        looks = [lambda: seen_by_sqlite(file, keys),
                 lambda: seen_by_state(arguments.victim, file, keys)]
        for look in looks if generator.random() < 0.5 else reversed(looks):
            faults += look()
        for fault in faults:
            print(f"round {number} (seed {arguments.seed}, {STEPS[number % len(STEPS)]}): {fault}")
        failures += bool(faults)
    shutil.rmtree(root, ignore_errors=True)
    print(f"kill9_state: {arguments.rounds} rounds, {key_count} keys acknowledged, {failures} bad, "
          f"{time.monotonic() - begin:.1f} s")
    return 1 if failures or not key_count else 0


if __name__ == "__main__":
    sys.exit(main())
