#!/usr/bin/env python3
"""Two processes at one store: pulls that share the work, a killed one whose work the other takes
up, and files that no model names: removed, but never while somebody may be about to name them.

  tests/store/two_processes.py BUILD
"""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
# pylint: disable-next=wrong-import-position
from kill9 import MODEL_BYTES, WAIT_S, RangeServer, make_model

HUB_MODEL = "hf.co/org/repo:Q4_0"
SLACK_BYTES = 1 << 20  # what is on the way to a process that is killed
WEEKS_2_S = 14 * 24 * 3600


class Store:
    """An empty store, and programs that work on it with the server as their hub."""

    def __init__(self, build, server, home):
        self.build, self.server, self.home = build, server, home
        self.endpoint = f"http://127.0.0.1:{server.server_port}"
        self.started = []

    def start(self, *arguments):
        environment = {**os.environ, "HEARTH_HOME": str(self.home), "HF_ENDPOINT": self.endpoint}
        process = subprocess.Popen([self.build / "hearth", *arguments], env=environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.started.append(process)
        return process

    def run(self, *arguments):
        process = self.start(*arguments)
        _, err = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0, f"{arguments}: {err}"
        return err

    def stopped_pull(self, model, step):
        """A pull that stands still at the step."""
        process = subprocess.Popen([self.build / "pull_victim", self.home, self.endpoint, model,
                                    step, "1", str(int(signal.SIGSTOP))],
                                   stdout=subprocess.DEVNULL)
        self.started.append(process)
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1]), "it did not stop"
        return process

    def end(self):
        """Kills what an assertion left running, or standing still."""
        self.server.release()
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait(WAIT_S)

    def blobs(self):
        return sorted((self.home / "blobs").glob("*"))

    def model_is_whole(self):
        (blob,) = self.blobs()
        return hashlib.sha256(blob.read_bytes()).hexdigest() == self.server.digest


def ends_well(process):
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err
    return err


def two_pulls_share(store):
    store.server.start(hold_at=MODEL_BYTES // 2)
    first = store.start("pull", HUB_MODEL)
    assert store.server.held.wait(WAIT_S)
    second = store.start("pull", HUB_MODEL)
    assert "waiting for" in second.stderr.readline(), "the second does not wait"
    store.server.release()
    ends_well(first)
    assert "is here already" in ends_well(second)
    assert store.server.bytes_sent == MODEL_BYTES, store.server.bytes_sent
    assert store.model_is_whole()


def a_killed_pull_is_taken_up(store):
    store.server.start(hold_at=MODEL_BYTES // 2)
    first = store.start("pull", HUB_MODEL)
    assert store.server.held.wait(WAIT_S)
    second = store.start("pull", HUB_MODEL)
    assert "waiting for" in second.stderr.readline(), "the second does not wait"
    first.kill()
    first.communicate()
    store.server.release()
    ends_well(second)
    assert store.server.bytes_sent <= MODEL_BYTES + SLACK_BYTES, store.server.bytes_sent
    assert store.model_is_whole()


def leftovers(store):
    """A blob, a part with its journal and a wheel's directory that no manifest names."""
    for room, name in (("blobs", "sha256-" + "a" * 64), ("partial", "b" * 64),
                       ("partial", "b" * 64 + ".journal")):
        (store.home / room).mkdir(parents=True, exist_ok=True)
        (store.home / room / name).write_bytes(b"GGUF")
    wheel = store.home / "wheels" / ("c" * 64)
    wheel.mkdir(parents=True, exist_ok=True)
    (wheel / "x.whl").write_bytes(b"PK")
    return [store.home / "blobs" / ("sha256-" + "a" * 64), store.home / "partial" / ("b" * 64),
            store.home / "partial" / ("b" * 64 + ".journal"), wheel]


def make_old(*paths):
    for path in paths:
        os.utime(path, (0, time.time() - WEEKS_2_S))


def old_leftovers_go(store):
    store.server.start()
    paths = leftovers(store)
    store.run("pull", HUB_MODEL)
    assert all(path.exists() for path in paths), "what is fresh is kept for a pull that goes on"
    make_old(paths[2])  # the journal alone: its part was written to since
    store.run("pull", HUB_MODEL)
    assert all(path.exists() for path in paths), "a part that goes on lost its journal"
    make_old(*paths)
    store.run("pull", HUB_MODEL)
    assert not any(path.exists() for path in paths), "what is old is still there"
    assert store.model_is_whole()


def nothing_goes_while_one_is_at_work(store):
    store.server.start()
    url = store.endpoint + "/model.gguf"
    pull = store.stopped_pull(url, "after_rename")  # its blob is there, and has no name yet
    try:
        (blob,) = store.blobs()
        make_old(blob)
        store.run("pull", HUB_MODEL)  # the same blob, by another name
        assert "another pull is at work" in store.run("rm", HUB_MODEL)
        assert blob.exists(), "removed under a pull's hands"
    finally:
        pull.send_signal(signal.SIGCONT)
    assert pull.wait(WAIT_S) == 0, "the pull whose blob went failed"
    assert store.model_is_whole()
    store.run("rm", url)
    assert not store.blobs(), "its last name is gone"


def main():
    build = Path(sys.argv[1]).resolve()
    server = RangeServer(make_model(1))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    scenes = (two_pulls_share, a_killed_pull_is_taken_up, old_leftovers_go,
              nothing_goes_while_one_is_at_work)
    failed = 0
    for scene in scenes:
        with tempfile.TemporaryDirectory(prefix="hearth-two-") as root:
            store = Store(build, server, Path(root) / "store")
            try:
                scene(store)
            except (AssertionError, subprocess.TimeoutExpired) as problem:
                failed += 1
                print(f"{scene.__name__}: {problem}")
            finally:
                store.end()
    print(f"two processes: {len(scenes)} scenes, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
