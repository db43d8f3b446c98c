#!/usr/bin/env python3
"""Kills a pull with SIGKILL, at seeded steps and moments, then pulls again: every round must have
killed, no model may be corrupt, and the second pull may fetch at most 1 MiB of what the first had
fetched already.

  scripts/kill9.py VICTIM [--rounds 200] [--seed 1]

VICTIM is build/pull_victim. The server is this script's own: an 8 MB GGUF over plain range HTTP
(without a digest, resumed by its ETag) and over the hub's protocol (with one), in turns. Steps: a
piece of the body, a moment (from outside, while the server holds back what follows a byte chosen
by lot, so that no pull can end before), before fsync, before and after the rename, before and
after the manifest.
"""

import argparse
import hashlib
import http.server
import json
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

MODEL_BYTES = 8 << 20
REFETCH_BYTES_MAX = 1 << 20
PIECE_BYTES = 64 << 10
# Slow enough (8 MB in about 0.1 s) that what is lost with a killed process is what it had not
# taken, not what a fast line had piled up in the socket.
PIECE_PAUSE_S = 0.0008
WAIT_S = 30  # for anything; each is there in well under a second
STEPS = [
    "body",
    "moment",
    "before_fsync",
    "before_rename",
    "after_rename",
    "before_manifest",
    "after_manifest",
]


def gguf_string(text):
    return struct.pack("<Q", len(text)) + text.encode()


def make_model(seed, size=MODEL_BYTES):
    """A valid GGUF v3 of `size` bytes with one F32 tensor that fills it."""
    key = gguf_string("general.architecture") + struct.pack("<I", 8) + gguf_string("llama")

    def head(elements):
        tensor = gguf_string("weights") + struct.pack("<IQIQ", 1, elements, 0, 0)
        return b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + key + tensor

    start = -(-len(head(0)) // 32) * 32
    elements = (size - start) // 4
    body = random.Random(seed).randbytes(size - start)
    return head(elements).ljust(start, b"\0") + body


class RangeServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, model):
        super().__init__(("127.0.0.1", 0), Handler)
        self.model = model
        self.digest = hashlib.sha256(model).hexdigest()
        self.piece_pause_s = 0
        self.lock = threading.Lock()
        self.start()

    def start(self, hold_at=None):
        """Counts from 0. Where `hold_at` is given, no byte from there on is sent before release():
        `held` is set when one is due."""
        self.bytes_sent = 0
        self.hold_at = hold_at
        self.held = threading.Event()
        self.released = threading.Event()

    def send_allowed(self, at, size):
        """How many of the `size` bytes at `at` of the model may be sent; waits for the first."""
        if self.hold_at is None or at + size <= self.hold_at or self.released.is_set():
            return size
        if at < self.hold_at:
            return self.hold_at - at
        self.held.set()
        self.released.wait(WAIT_S)
        return size

    def release(self):
        self.released.set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:  # the client was killed
            pass

    def do_GET(self):
        if self.path.startswith("/api/models/"):
            lfs = {"sha256": self.server.digest, "size": len(self.server.model)}
            files = [{"rfilename": "model-Q4_0.gguf", "size": len(self.server.model), "lfs": lfs}]
            return self.answer(200, json.dumps({"sha": "c0ffee", "siblings": files}).encode())
        first, wanted = 0, self.headers.get("Range")
        if wanted and self.headers.get("If-Range", '"one"') == '"one"':
            first = int(wanted.removeprefix("bytes=").split("-")[0])
        total = len(self.server.model)
        extra = {"ETag": '"one"'}
        if first:
            extra["Content-Range"] = f"bytes {first}-{total - 1}/{total}"
        return self.answer(206 if first else 200, self.server.model[first:], extra)

    def answer(self, status, body, headers=None):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE_BYTES)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        try:
            if len(body) > PIECE_BYTES:
                self.send_model(body)
            else:
                self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def send_model(self, body):
        """The model's last bytes: all of it, or what a range asks for."""
        at, first = 0, len(self.server.model) - len(body)
        while at < len(body):
            size = self.server.send_allowed(first + at, min(PIECE_BYTES, len(body) - at))
            self.wfile.write(body[at : at + size])
            at += size
            with self.server.lock:
                self.server.bytes_sent += size
            time.sleep(self.server.piece_pause_s)


def corrupt_files(home, digest):
    """What a person would find broken: a blob that is not its name, a manifest without its blob."""
    for blob in (home / "blobs").glob("*"):
        if blob.name != "sha256-" + hashlib.sha256(blob.read_bytes()).hexdigest():
            yield f"{blob} is not what its name says"
    for manifest in (home / "manifests").glob("*"):
        if len(manifest.name) != 64:
            continue  # a write cut short: never read
        head, _, body = manifest.read_bytes().partition(b"\n")
        layers = json.loads(body)["layers"]
        if head != b"HEARTH-MANIFEST 1" or [layer["sha256"] for layer in layers] != [digest]:
            yield f"{manifest} is broken"
        elif not (home / "blobs" / f"sha256-{digest}").exists():
            yield f"{manifest} names a blob that is not there"


def kill_at_moment(command, server, generator):
    """From outside, at any time after the server has sent what it may: between asking and taking
    in the last byte allowed."""
    server.start(hold_at=generator.randrange(MODEL_BYTES))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    reached = server.held.wait(WAIT_S)
    time.sleep(generator.uniform(0, 0.005))
    process.kill()
    killed = process.wait() == -9
    server.release()
    return reached and killed


def kill_at_step(command, server, step, count):
    """By its own hand, at the count-th time that it passes the step."""
    server.start()
    done = subprocess.run([*command, step, str(count)], stdout=subprocess.DEVNULL, check=False)
    return done.returncode == -9


def one_round(victim, server, home, step, generator):
    """Kills one pull, pulls again. Returns (bytes fetched again, list of faults)."""
    endpoint = f"http://127.0.0.1:{server.server_port}"
    model = generator.choice([endpoint + "/model.gguf", "hf.co/org/repo:Q4_0"])
    command = [victim, str(home), endpoint, model]
    server.piece_pause_s = PIECE_PAUSE_S if step in ("body", "moment") else 0
    if step == "moment":
        killed = kill_at_moment(command, server, generator)
    else:
        killed = kill_at_step(command, server, step,
                              generator.randint(1, 60) if step == "body" else 1)
    server.hold_at = None
    server.piece_pause_s = 0
    faults = [] if killed else ["it was not killed"]
    faults.extend(corrupt_files(home, server.digest))
    again = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if again.returncode != 0:
        faults.append(f"the next pull failed: {again.stderr.strip()}")
    elif hashlib.sha256(Path(again.stdout.strip()).read_bytes()).hexdigest() != server.digest:
        faults.append("the model that the next pull gives is corrupt")
    faults.extend(corrupt_files(home, server.digest))
    left = [str(path) for path in (home / "partial").glob("*")] + [
        str(path) for path in (home / "locks").glob("*")
    ]
    if left:
        faults.append(f"left behind: {left}")
    return max(0, server.bytes_sent - MODEL_BYTES), faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("victim")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    generator = random.Random(arguments.seed)
    server = RangeServer(make_model(arguments.seed))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    steps = dict.fromkeys(STEPS, 0)
    worst, failures, start = 0, 0, time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="hearth-kill9-"))
    for number in range(arguments.rounds):
        step = STEPS[number % len(STEPS)]
        home = root / str(number)
        refetched, faults = one_round(arguments.victim, server, home, step, generator)
        worst = max(worst, refetched)
        if refetched > REFETCH_BYTES_MAX:
            faults.append(f"{refetched} bytes were fetched again")
        for fault in faults:
            print(f"round {number} (seed {arguments.seed}, {step}): {fault}")
        failures += bool(faults)
        steps[step] += not faults
        shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(root, ignore_errors=True)
    server.shutdown()
    print(
        f"kill9: {arguments.rounds} rounds, {sum(steps.values())} killed and well again {steps}, "
        f"{failures} bad, at most {worst} bytes fetched again, {time.monotonic() - start:.1f} s"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
