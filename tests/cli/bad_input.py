#!/usr/bin/env python3
"""Gives the program what it must refuse. Every refusal is one line on stderr that says what was
wrong and what to do, nothing on stdout, an exit code that is not 0 and no signal, within WAIT_S
(a template that loops: within LOOP_S), and leaves every file and directory as it was.

  tests/cli/bad_input.py BUILD

Lines of a pull's progress do not count. A case that this machine cannot show (another user, a
file system, a network of its own: all need root) is named, and is a failure where CI is set.
"""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from kill9 import RangeServer, make_model  # pylint: disable=wrong-import-position

TINY = ROOT / "tests/data/tiny/llama_gqa.gguf"
WAIT_S = 60  # each ends in about 1 s; a loaded machine is no fault of the program
LOOP_S = 10  # its limit is the program's own
PROGRESS = ("asking ", "fetching wheel ", "downloading ", "waiting for ", "checking ")
ORDINARY_TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"
ENDLESS_TEMPLATE = "{% for a in range(99999) %}" * 3 + "x" + "{% endfor %}" * 3


def patched(data, at, new):
    return data[:at] + new + data[at + len(new):]


def after(data, text):
    """The place behind a GGUF string."""
    counted = struct.pack("<Q", len(text)) + text
    return data.index(counted) + len(counted)


def tensor_type_at(data, name):
    at = after(data, name)
    return at + 4 + 8 * struct.unpack_from("<I", data, at)[0]  # behind the dimensions


def with_template(data, template):
    """One more metadata key in front. Its length is a multiple of 32, so that what follows keeps
    its alignment: the template is filled up with spaces."""
    name = b"tokenizer.chat_template"
    head = struct.pack("<Q", len(name)) + name + struct.pack("<I", 8)
    text = template.encode()
    text += b" " * (-(len(head) + 8 + len(text)) % 32)
    keys = struct.unpack_from("<Q", data, 16)[0]
    return (data[:16] + struct.pack("<Q", keys + 1) + head + struct.pack("<Q", len(text)) + text
            + data[24:])


def bad_models():
    data = TINY.read_bytes()
    type_at = tensor_type_at(data, b"output_norm.weight")
    return {
        "truncated": data[:-1000],
        "truncated_head": data[:700],
        "wrong_magic": b"<!DO" + data[4:],
        "outside": patched(data, type_at + 4, struct.pack("<Q", 1 << 40)),
        "unknown_type": patched(data, type_at, struct.pack("<I", 99)),
        "unknown_architecture": patched(
            data, after(data, b"general.architecture") + 4 + 8, b"mamba"),
        "ordinary": with_template(data, ORDINARY_TEMPLATE),
        "endless": with_template(data, ENDLESS_TEMPLATE),
    }


def tree(*roots):
    """Every path below, with its kind and mode and, of a file, the bytes."""
    found = {}
    for root in roots:
        for path in [root, *root.rglob("*")]:
            status = path.lstat()
            found[str(path)] = (status.st_mode, path.read_bytes() if path.is_file() else b"")
    return found


class Cases:
    """The program under test, a store and a working directory for it, and the table so far."""

    def __init__(self, build, root):
        self.program = root / "hearth"  # where another user may read it too
        shutil.copy(build / "hearth", self.program)
        self.home, self.work = root / "home", root / "work"
        self.models, self.user = root / "models", root / "user"  # user: HOME, where pip may write
        for directory in (self.home, self.work, self.models, self.user):
            directory.mkdir()
        for path in (root, self.program):
            path.chmod(0o755)
        for name, data in bad_models().items():
            (self.models / f"{name}.gguf").write_bytes(data)
        self.passed, self.failed, self.skipped = 0, 0, 0

    def environment(self, more):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("HEARTH", "HF_", "XDG", "PIP_FIND"))}
        return {**kept, "HEARTH_HOME": str(self.home), "HOME": str(self.user), **more}

    def check(self, name, arguments, *words, prefix=(), before=None, limit_s=WAIT_S,
              **more):
        """Runs `prefix hearth arguments`; its one line must contain the words."""
        old, start = tree(self.home, self.work), time.monotonic()
        process = subprocess.Popen([*prefix, str(self.program), *arguments], cwd=self.work,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=self.environment(more))
        try:
            if before:
                before(process)
            out, err = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        seconds = time.monotonic() - start
        lines = [line for line in err.splitlines() if not line.startswith(PROGRESS)]
        faults = [f"does not say {word!r}" for word in words if word not in err]
        faults += ["took too long"] if seconds > limit_s else []
        faults += [f"{len(lines)} lines"] if len(lines) != 1 else []
        faults += ["not 'hearth: …'"] if lines and not lines[0].startswith("hearth: ") else []
        faults += [f"stdout has {out!r}"] if out else []
        faults += [f"exit code {process.returncode}"] if not 0 < process.returncode < 126 else []
        new = tree(self.home, self.work)
        faults += [f"changed {path}" for path in sorted({*old, *new})
                   if old.get(path) != new.get(path)]
        self.passed += not faults
        self.failed += bool(faults)
        shown = " | ".join(lines).replace(str(self.home), "$HEARTH_HOME")
        print(f"{name:30}{process.returncode:4}  {shown}")
        for fault in faults:
            print(f"{'':30}FAULT: {fault}")

    def skip(self, name, why):
        counted = "failed" if os.environ.get("CI") else "skipped"
        setattr(self, counted, getattr(self, counted) + 1)
        print(f"{name:30} NOT RUN: {why}")

    def model(self, name):
        return str(self.models / f"{name}.gguf")


def files(cases):
    for name, *words in (
            ("truncated", "1000 are missing", "fetch it again"),
            ("truncated_head", "cut short", "fetch it again"),
            ("wrong_magic", "not a GGUF file", "choose a model"),
            ("outside", "from tensor 'output_norm.weight' on", "fetch it again"),
            ("unknown_type", "of type 99", "choose")):
        for command in (["run"], ["show"]):
            more = ["hello"] if command == ["run"] else []
            cases.check(f"{command[0]} {name}", [*command, cases.model(name), *more], *words)
    cases.check("run unknown_architecture", ["run", cases.model("unknown_architecture"), "hello"],
                "'mamba'", "supported: llama")
    cases.check("cp truncated", ["cp", cases.model("truncated"), "mine"], "fetch it again")
    cases.check("run prompt too long",
                ["run", cases.model("ordinary"), "--ctx", "64", "word " * 300],
                "holds 64", "--ctx")
    cases.check("run template that loops", ["run", cases.model("endless"), "hello"],
                "chat template", "operations", "use another", limit_s=LOOP_S)


def names(cases):
    for command, *more in (["run", "hello"], ["pull"], ["show"]):
        cases.check(f"{command} no such model", [command, "smolm", *more],
                    "no model 'smolm'", "smollm2")
    for command, *more in (["run", "hello"], ["show"]):
        cases.check(f"{command} no such file", [command, "./none.gguf", *more], "no file",
                    "check its name")
    cases.check("rm no such model", ["rm", "smollm2"], "not on this machine", "hearth list")


def unwritable_store(cases):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return cases.skip("unwritable store", "needs root and setpriv, to become nobody")
    nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    for command, *more in (["pull"], ["run", "hello"]):
        cases.check(f"{command} as nobody", [command, "smollm2", *more], "Permission denied",
                    "set HEARTH_HOME", prefix=nobody)
    cases.check("cp as nobody", ["cp", cases.model("ordinary"), "mine"], "Permission denied",
                "set HEARTH_HOME", prefix=nobody)
    cases.check("keys as nobody", ["keys", "add", "ana"], "Permission denied", "set HEARTH_HOME",
                prefix=nobody)
    closed = cases.work / "closed"
    closed.mkdir(0o700)
    for command in (["pull", "smollm2"], ["run", "smollm2", "hello"], ["show", "smollm2"], ["list"],
                    ["list", "--catalog"], ["rm", "smollm2"], ["keys", "list"],
                    ["cp", cases.model("ordinary"), "mine"]):
        cases.check(f"closed store: {command[0]}", command, "Permission denied",
                    "set HEARTH_HOME", prefix=nobody, HEARTH_HOME=str(closed / "home"))
    return closed.rmdir()


def own_namespace(*flags):
    """The shell's prefix that begins a namespace of its own; None where that does not work."""
    prefix = ("unshare", *flags)
    if not shutil.which("unshare"):
        return None
    tried = subprocess.run([*prefix, "true"], check=False, stderr=subprocess.DEVNULL)
    return None if tried.returncode else prefix


def on_small_disk(namespace, megabytes):
    """A shell's prefix: the store lies on a file system of its own, which must be empty again when
    the program has ended."""
    script = (f'mount -t tmpfs -o size={megabytes}m tmpfs "$HEARTH_HOME" || exit 99\n'
              '"$0" "$@"\ncode=$?\nrm -f "$HEARTH_HOME/filler"\n'
              '[ -z "$(ls -A "$HEARTH_HOME")" ] || { ls -AR "$HEARTH_HOME" >&2; exit 98; }\n'
              'exit $code')
    return (*namespace, "sh", "-c", script)


def full_disk(cases):
    # In a chroot the root is no mount point, whose propagation could be changed.
    namespace = own_namespace("-m") or own_namespace("-m", "--propagation", "unchanged")
    if not namespace:
        return cases.skip("full disk", "unshare -m does not work here")
    for command, *more in (["pull"], ["run", "hello"]):
        cases.check(f"{command} on a 1 MB disk", [command, "smollm2", *more],
                    "more on the disk", "free some", prefix=on_small_disk(namespace, 1))
    server = RangeServer(make_model(1))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.start(hold_at=1 << 20)

    def fill_now(process):
        """The check in front of the pull said yes; then somebody else fills the disk."""
        server.held.wait(WAIT_S)
        try:
            with open(f"/proc/{process.pid}/root{cases.home}/filler", "wb", 0) as filler:
                while filler.write(bytes(1 << 20)):
                    pass
        except OSError:  # no space left
            pass
        server.release()

    address = f"http://127.0.0.1:{server.server_port}/model.gguf"
    cases.check("pull, the disk fills up", ["pull", address], "No space left on device",
                "free some",
                prefix=on_small_disk(namespace, 32), before=fill_now)
    return server.shutdown()


def offline(cases):
    namespace = own_namespace("-n")
    if not namespace:
        return cases.skip("offline", "unshare -n does not work here")
    for model in ("smollm2", "smollm2:360m", "hf.co/org/repo", "https://example.com/x.gguf"):
        cases.check(f"pull offline {model}"[:29], ["pull", model], "offline?",
                    prefix=namespace)
    return cases.check("run offline", ["run", "smollm2", "hello"], "offline?",
                       prefix=namespace)


def main():
    build = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="hearth-bad-input-") as root:
        cases = Cases(build, Path(root))
        for group in (names, files, unwritable_store, full_disk, offline):
            group(cases)
    ran = cases.passed + cases.failed
    print(f"bad input: {ran} cases, {cases.failed} failed, {cases.skipped} not run")
    return 1 if cases.failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
