#!/usr/bin/env python3
"""Runs the suites of the official OpenAI, Ollama and Anthropic clients (tests/clients, pinned,
unmodified) against `hearth serve` with a real model, and ends in one line with the counts.

  scripts/clients.py [BUILD] [--model NAME] [--url URL] [SUITE…]

Without --url it starts BUILD/hearth serve on a free port, with a library of its own that shares
this one's files, and stops it afterwards. The packages are installed when they are missing: into
.venv and tests/clients/node_modules.
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import tally

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = ROOT / "tests" / "clients"
SUITES = ("test_openai.py", "test_anthropic.py", "test_ollama.py", "openai.mjs", "ollama.mjs")
START_S, STOP_S, SUITE_S = 60, 30, 600


def install(stamp, wanted, command):
    """Runs the command unless the stamp says that just this was installed."""
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return
    print(f"installing {wanted.relative_to(ROOT)} …", flush=True)
    subprocess.run([str(part) for part in command], cwd=wanted.parent, check=True)
    stamp.write_text(digest)


def install_python():
    python, wanted = ROOT / ".venv/bin/python", CLIENTS / "requirements.txt"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ROOT / ".venv")], check=True)
    install(ROOT / ".venv/clients.sha256", wanted,
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r",
             wanted])
    return str(python)


def install_node():
    """With the npm of the wheel that the Python requirements name."""
    install(CLIENTS / "node_modules/clients.sha256", CLIENTS / "package.json",
            [ROOT / ".venv/bin/npm", "install", "--silent", "--no-audit", "--no-fund",
             "--no-package-lock"])


def library_home():
    """As hearth finds it."""
    if home := os.environ.get("HEARTH_HOME"):
        return Path(home)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(data) / "hearth"


def link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


@contextlib.contextmanager
def library_copy():
    """A home with this library's models and nothing else: no keys, and nothing of it is changed."""
    with tempfile.TemporaryDirectory(prefix="hearth-clients-") as folder:
        for name in ("blobs", "manifests"):
            shutil.copytree(library_home() / name, Path(folder, name), copy_function=link_or_copy)
        yield folder


def first_line(process):
    """What the server says first, or nothing when it takes too long or ends."""
    lines = []
    reader = threading.Thread(target=lambda: lines.append(process.stdout.readline()), daemon=True)
    reader.start()
    reader.join(START_S)
    return lines[0] if lines else ""


@contextlib.contextmanager
def registry():
    """A registry for the suites to push to; the environment names it, the server's too."""
    process = subprocess.Popen([sys.executable, ROOT / "tests/store/registry_server.py"], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    os.environ["HEARTH_REGISTRY_ENDPOINT"] = f"http://127.0.0.1:{first_line(process).strip()}"
    try:
        yield
    finally:
        process.communicate()  # it ends with its input


@contextlib.contextmanager
def server(program, home, outcome):
    """The address of a running server. Afterwards outcome holds whether it stopped as it should."""
    process = subprocess.Popen([str(program), "serve", "--port", "0", "--json"],
                               stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "HEARTH_HOME": home})
    try:
        line = first_line(process)
        if not line:
            raise SystemExit(f"clients: {program} serve did not say where it listens")
        yield json.loads(line)["listening"]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            outcome.append(process.wait(STOP_S) == 0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            outcome.append(False)
        process.stdout.close()


def counts_of(suite, output):
    """(passed, failed) as the suite told them; a suite that told nothing has failed."""
    if suite.endswith(".py"):
        told = re.findall(r'^\{"passed": (\d+), "failed": (\d+)\}$', output, re.MULTILINE)
        return (int(told[-1][0]), int(told[-1][1])) if told else (0, 1)
    told = dict(re.findall(r"^# (pass|fail|cancelled|skipped) (\d+)$", output, re.MULTILINE))
    failed = sum(int(told.get(name, 0)) for name in ("fail", "cancelled", "skipped"))
    return (int(told["pass"]), failed) if int(told.get("pass", 0)) + failed else (0, 1)


def run_suite(suite, python, environment):
    command = [python, suite] if suite.endswith(".py") else [
        str(ROOT / ".venv/bin/node"), "--test-reporter=tap", suite]
    try:
        done = subprocess.run(command, cwd=CLIENTS, env=environment, text=True, timeout=SUITE_S,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        output, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output, status = (late.stdout or b"").decode(errors="replace"), -1
    passed, failed = counts_of(suite, output)
    if status and not failed:
        failed = 1
    if failed:
        print(output)
    print(f"{suite}: {passed} passed, {failed} failed", flush=True)
    return passed, failed


def model_file(program, model):
    """Where the model's file lies: a suite sends it back as a blob."""
    shown = subprocess.run([str(program), "show", model, "--json"], check=True, text=True,
                           stdout=subprocess.PIPE)
    return json.loads(shown.stdout)["path"]


def run_suites(suites, url, model, file):
    python = install_python()
    if any(suite.endswith(".mjs") for suite in suites):
        install_node()
    environment = {**os.environ, "HEARTH_URL": url, "HEARTH_MODEL": model,
                   "HEARTH_MODEL_FILE": file}
    counts = [run_suite(suite, python, environment) for suite in suites]
    return sum(passed for passed, _ in counts), sum(failed for _, failed in counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", type=Path, default=ROOT / "build")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--url", help="a server that runs already")
    options = parser.parse_args()
    suites = options.suites or SUITES
    program = options.build.resolve() / "hearth"
    file = model_file(program, options.model)
    if options.url:
        passed, failed = run_suites(suites, options.url, options.model, file)
    else:
        stopped = []
        with library_copy() as home, registry():
            with server(program, home, stopped) as url:
                passed, failed = run_suites(suites, url, options.model, file)
        print(f"the server stops with 0: {'passed' if stopped[0] else 'FAILED'}")
        passed, failed = passed + stopped[0], failed + (not stopped[0])
    tally.finish("clients", passed, failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
