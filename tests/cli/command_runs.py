#!/usr/bin/env python3
"""Runs the program's commands as a script would and holds them to what they say they do. The models
are tiny ones of random weights; what they answer is of no interest.

  tests/cli/command_runs.py BUILD
"""

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MODEL = ROOT / "tests/data/tiny/llama_gqa.gguf"
WAIT_S = 60  # for any command; each takes well under a second on an idle machine


def check(condition, what):
    if not condition:
        raise AssertionError(what)


class Program:
    def __init__(self, build, folder):
        self.path = str(build / "hearth")
        self.folder = folder
        self.environment = {**os.environ, "HEARTH_HOME": str(folder / "library"),
                            "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}

    def run(self, *arguments, **options):
        return subprocess.run([self.path, *map(str, arguments)], env=self.environment, text=True,
                              capture_output=True, timeout=WAIT_S, check=False,
                              **{"stdin": subprocess.DEVNULL, **options})

    def json(self, *arguments, **options):
        done = self.run(*arguments, "--json", **options)
        check(done.returncode == 0, f"{arguments} exits with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)


def every_command_that_loads_pulls(program):
    """On a library that lacks the model; show is about what is there."""
    commands = {
        "run": ["hi", "--max-tokens", "1"],
        "tokenize": [],
        "bench": ["--prompt", "4", "--generate", "2", "--repetitions", "1"],
    }
    for command, arguments in commands.items():
        package = f"tiny_{command}"
        wheel = program.folder / f"{package}-1-py3-none-any.whl"
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.write(MODEL, f"{package}/model.gguf")
            archive.writestr(f"{package}-1.dist-info/METADATA", metadata)
            archive.writestr(f"{package}-1.dist-info/WHEEL", "Wheel-Version: 1.0\n")
            archive.writestr(f"{package}-1.dist-info/RECORD", "")
        reference = f"pypi:{package}==1"
        shown = program.run("show", reference)
        check(shown.returncode == 3 and "hearth pull" in shown.stderr, shown.stderr)
        done = program.run(command, reference, *arguments)
        check(done.returncode == 0, f"{command} does not pull: {done.stderr}")
        check("fetching" in done.stderr or "download" in done.stderr,
              f"{command} pulls and shows nothing: {done.stderr!r}")


def logits_leaves_a_whole_file_or_none(program):
    """Bad ids in the second window, a disk that is full, Ctrl-C, a device in the way."""
    ids, out = program.folder / "ids.json", program.folder / "out.f32"
    command = ["logits", MODEL, ids, "--out", out]

    def refused(code, words, **options):
        done = program.run(*command, **options)
        check(done.returncode == code and words in done.stderr,
              f"logits exits with {done.returncode}: {done.stderr}")
        check(os.listdir(program.folder) == ["ids.json"], os.listdir(program.folder))

    ids.write_text("[[1, 2], [3, 1000000]]")
    refused(2, "1000000")
    ids.write_text("[[1, 2], [3]]")
    # Python ignores SIGXFSZ: a child that it does not give back fails to write instead of dying.
    refused(6, "File too large", restore_signals=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048)))
    ids.write_text(json.dumps([[1] * 64] * 50_000))
    with subprocess.Popen([program.path, *map(str, command)], stderr=subprocess.PIPE) as started:
        end = time.monotonic() + WAIT_S
        while not out.with_suffix(".f32.hearth-new").exists() and time.monotonic() < end:
            time.sleep(0.01)
        started.send_signal(signal.SIGINT)
        check(started.wait(WAIT_S) == 130, f"Ctrl-C ends logits with {started.returncode}")
    check(os.listdir(program.folder) == ["ids.json"], os.listdir(program.folder))
    ids.write_text("[[1, 2], [3]]")
    os.mkfifo(out)
    done = program.run(*command)
    check(done.returncode == 2 and out.is_fifo(), f"a pipe was replaced: {done.stderr}")
    out.unlink()
    done = program.run(*command)
    check(out.stat().st_size % (3 * 4) == 0 and done.returncode == 0, done.stderr)
    check(sorted(os.listdir(program.folder)) == ["ids.json", "out.f32"], "more than the output")


def wrong_calls_are_told_what_is_right(program):
    for arguments, words in (
        ([], "'hearth --help'"),
        (["runn"], "no command 'runn'; did you mean 'run'? ('hearth --help'"),
        (["run"], "MODEL is required ('hearth run --help'"),
        (["run", MODEL, "hi", "--ctx", "none"], "--ctx"),
        (["run", MODEL, "hi", "--bogus"], "--bogus"),
    ):
        done = program.run(*arguments)
        check(done.returncode == 2 and done.stderr.startswith("hearth: "), done.stderr)
        check(words in done.stderr and done.stderr.count("\n") == 1, done.stderr)


def output_that_cannot_be_written_is_an_error(program):
    with open("/dev/full", "w", encoding="utf-8") as full:
        for arguments in (["list"], ["show", MODEL, "--json"], ["run", MODEL, "hi", "--json"],
                          ["--help"], ["man"], ["tokenize", MODEL, "--json"]):
            done = subprocess.run([program.path, *map(str, arguments)], stdout=full, text=True,
                                  stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
            check(done.returncode == 8 and "cannot write the" in done.stderr,
                  f"{arguments} exits with {done.returncode}: {done.stderr!r}")


def the_environment_is_heard(program):
    program.environment["HEARTH_ISA"] = "portable"
    for arguments in (["doctor"], ["run", MODEL, "hi", "--max-tokens", "1"]):
        shown = program.json(*arguments)
        check("portable" in shown.get("device", shown.get("selected")), shown)
    for arguments in (["run", MODEL, "hi", "--fast"], ["bench", MODEL, "--fast"]):
        done = program.run(*arguments)
        check(done.returncode == 5 and "avx512_bf16 only" in done.stderr, done.stderr)
    program.environment["HEARTH_ISA"] = "nonsense"
    for arguments in (["run", MODEL, "hi"], ["bench", MODEL], ["doctor"]):
        done = program.run(*arguments)
        check(done.returncode == 2 and "nonsense" in done.stderr, done.stderr)
    program.environment |= {"HEARTH_ISA": "", "HEARTH_LOG": "loud"}
    done = program.run("list")
    check(done.returncode == 2 and "wanted error, warn, info or debug" in done.stderr, done.stderr)


def packed_weights_are_kept(program):
    """One image per file: a foreign one that is called like a blob of the library is another."""
    packed = program.folder / "library" / "packed"
    digest = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    foreign = Path(shutil.copy(MODEL, program.folder / f"sha256-{digest}"))
    done = program.run("cp", MODEL, "mine")
    check(done.returncode == 0, done.stderr)
    call = ("hi", "--max-tokens", "1")
    for model, kept in (("mine", 1), (foreign, 2), ("mine", 2), (foreign, 2)):
        done = program.run("run", model, *call, "--weight-cache")
        names = os.listdir(packed)
        check(done.returncode == 0 and digest in names and len(names) == kept,
              f"{model}: {names} {done.stderr}")

    for flags in (("--mmap", "--weight-cache"), ("--weight-cache", "--mmap")):
        done = program.run("run", MODEL, *call, *flags)
        check(done.returncode == 2 and "leave one out" in done.stderr, f"{flags}: {done.stderr!r}")
    program.environment["HEARTH_WEIGHT_CACHE"] = "1"
    for flags, kept in ((("--mmap",), 2), ((), 3)):
        done = program.run("run", MODEL, *call, *flags)
        check(done.returncode == 0 and len(os.listdir(packed)) == kept, f"{flags}: {done.stderr!r}")


def keys_are_made_shown_and_revoked(program):
    """The secret once, alone on stdout; the state for its owner alone."""
    def refused(code, words, *arguments):
        done = program.run("keys", *arguments)
        check(done.returncode == code and words in done.stderr and not done.stdout,
              f"{arguments} exits with {done.returncode}: {done.stdout} {done.stderr}")

    empty = program.run("keys", "list")
    check(empty.returncode == 0 and "keys add NAME" in empty.stderr, empty.stderr)
    made = program.run("keys", "add", "ana", "--role", "admin", "--requests", "2", "--per-minute",
                       "60", "--tokens-per-day", "1000000", "--expires", "30")
    check(re.fullmatch(r"hearth-[\w-]{43}\n", made.stdout), f"{made.stdout!r} {made.stderr!r}")
    check("this once" in made.stderr and made.stdout.strip() not in made.stderr, made.stderr)
    ben = program.run("keys", "add", "ben")
    check(ben.returncode == 0 and ben.stdout != made.stdout, ben.stderr)
    ana, second = program.json("keys", "list")["keys"]
    check(ana["expires"] - ana["created"] == 30 * 24 * 3600, ana)
    check([ana[name] for name in ("name", "role", "prefix", "requests_at_once",
                                  "requests_per_minute", "tokens_per_day")]
          == ["ana", "admin", made.stdout[:11], 2, 60, 1000000], ana)
    check(second["role"] == "user" and "expires" not in second, second)

    refused(2, "there is a key 'ana'", "add", "ana")
    refused(2, "a NAME", "add")
    refused(2, "no NAME", "list", "ana")
    refused(2, "takes no --per-minute", "list", "--per-minute", "3")
    refused(2, "takes no --all", "revoke", "ana", "--all")
    refused(2, "add, list and revoke", "remove", "ana")
    refused(2, "--role", "add", "cy", "--role", "root")
    refused(2, "--expires", "add", "cy", "--expires", "0")
    refused(2, "--requests", "add", "cy", "--requests", "-1")
    refused(2, "cannot be called", "add", "c\ny")
    refused(3, "no key 'cy'", "revoke", "cy")

    with open("/dev/full", "w", encoding="utf-8") as full:
        lost = subprocess.run([program.path, "keys", "add", "cy"], env=program.environment,
                              stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    check(lost.returncode == 8 and "cannot write" in lost.stderr, lost.stderr)
    refused(3, "no key 'cy'", "revoke", "cy")
    revoked = program.run("keys", "revoke", ana["prefix"])
    check(revoked.returncode == 0 and "revoked 'ana'" in revoked.stderr, revoked.stderr)
    check([key["name"] for key in program.json("keys", "list")["keys"]] == ["ben"], "ana is listed")
    check("revoked" in program.json("keys", "list", "--all")["keys"][0], "ana is not revoked")
    table = program.run("keys", "list", "--all").stdout.splitlines()
    check(len(table) == 4 and table[0].startswith("NAME") and "revoked" in table[1], table)
    state = program.folder / "library" / "state.db"
    check(stat.S_IMODE(state.stat().st_mode) == 0o600, oct(state.stat().st_mode))
    check(made.stdout.strip().encode() not in state.read_bytes(), "the secret is in the state")
    state.write_bytes(b"no database")
    refused(4, "put it aside", "list")


def main():
    build = Path(sys.argv[1]).resolve()
    scenes = (every_command_that_loads_pulls, logits_leaves_a_whole_file_or_none,
              wrong_calls_are_told_what_is_right, output_that_cannot_be_written_is_an_error,
              the_environment_is_heard, packed_weights_are_kept,
              keys_are_made_shown_and_revoked)
    for scene in scenes:
        with tempfile.TemporaryDirectory() as folder:
            try:
                scene(Program(build, Path(folder)))
            except AssertionError as problem:
                print(f"{scene.__name__}: {problem}")
                return 1
    print(f"commands: {len(scenes)} scenes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
