#!/usr/bin/env python3
"""Holds a chat with `hearth run` over a pseudo-terminal, as a person would: editing, history,
Ctrl-C while typing and while it answers, Ctrl-D, colours and NO_COLOR. The model is a tiny one of
random weights; what it says is of no interest.

  tests/cli/terminal_session.py BUILD
"""

import os
import pty
import select
import signal
import stat
import sys
import tempfile
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MODEL = ROOT / "tests/data/tiny/llama_gqa.gguf"
WAIT_S = 60  # for anything; each is there in well under a second on an idle machine
CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"
PROMPT = ">>> "
PATIENCE_S = 1  # the line shows after so long
LONG_TOKENS = (6000, 12000, 24000)  # some 3, 10, 40 s on the reference device: the first that does


class Terminal:
    """A program on a pseudo-terminal, and what it has shown since one last looked."""

    def __init__(self, command, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(command[0], command, environment)
        self.shown = ""
        self.all = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def read_some(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            got = os.read(self.fd, 4096)
        except OSError:  # the other end is closed
            return False
        self.shown += got.decode(errors="replace")
        self.all += got.decode(errors="replace")
        return bool(got)

    def expect(self, text):
        """Waits for the text and gives what came before it; what follows is kept."""
        end = time.monotonic() + WAIT_S
        while text not in self.shown:
            if time.monotonic() > end or not self.read_some(end - time.monotonic()):
                raise AssertionError(f"no {text!r} in {self.shown!r}")
        before, self.shown = self.shown.split(text, 1)
        return before

    def line_is_edited(self):
        return not termios.tcgetattr(self.fd)[3] & termios.ICANON

    def exit_code(self):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            self.read_some(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError(f"did not leave; it shows {self.shown!r}")


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def start(build, home, *arguments, **more):
    environment = {"HEARTH_HOME": str(home), "HOME": str(home), "PATH": os.environ["PATH"],
                   "TERM": "xterm", "LANG": "C", **more}
    command = [str(build / "hearth"), "run", str(MODEL), *arguments]
    return Terminal(command, environment)


def start_chat(build, home, **more):
    terminal = start(build, home, **more)
    terminal.expect(PROMPT)
    return terminal


def edits_and_stops(build, home):
    terminal = start_chat(build, home)
    check("\x1b[2m" in terminal.all, "notes have no colour on a terminal")
    terminal.type("/set max-tokens 3\r")
    terminal.expect(PROMPT)
    terminal.type("hi\r")
    terminal.expect("cut after max-tokens: 3")
    terminal.expect(PROMPT)

    terminal.type("half a line" + CTRL_C)
    terminal.expect("Ctrl-C again leaves")
    terminal.expect(PROMPT)
    terminal.type("/bogus\r")
    terminal.expect("no command /bogus")
    terminal.expect(PROMPT)
    terminal.type(UP + "\r")
    terminal.expect("no command /bogus")
    terminal.expect(PROMPT)
    terminal.type("/üñ✓\r")
    terminal.expect("no command /üñ✓")
    terminal.expect(PROMPT)

    terminal.type("/set max-tokens unlimited\r/set ignore-eos on\r")
    terminal.expect(PROMPT)
    terminal.expect(PROMPT)
    terminal.type("go on\r")
    terminal.expect("go on\r\n")
    terminal.read_some(WAIT_S)  # the answer has begun
    terminal.type(CTRL_C)
    terminal.expect("stopped")
    terminal.expect(PROMPT)

    terminal.type(CTRL_C)
    terminal.expect(PROMPT)
    terminal.type(CTRL_C)
    check(terminal.exit_code() == 0, "leaving by Ctrl-C is no failure")
    check(not terminal.line_is_edited(), "the terminal's mode was not given back")
    history = home / "history"
    check(stat.S_IMODE(history.stat().st_mode) == 0o600, "the history is not its owner's alone")
    check(history.read_text().splitlines()[:3] == ["/set max-tokens 3", "hi", "/bogus"],
          f"the history is {history.read_text()!r}")


def remembers_and_leaves(build, home):
    terminal = start_chat(build, home, NO_COLOR="1")
    check("\x1b[2m" not in terminal.all, "colours in spite of NO_COLOR")
    terminal.type(UP + "\x01/clear \x0b\r")  # edits the line before: to its start, kill the rest
    terminal.expect("forgot 0 turns")
    terminal.expect(PROMPT)
    terminal.type(CTRL_D)
    check(terminal.exit_code() == 0, "leaving by Ctrl-D is no failure")


def shows_that_it_reads(build, home):
    """A prompt of seconds: f32 from decoded weights, one thread. Then one that JSON asks for."""
    for tokens in LONG_TOKENS:
        slow = ["--isa", "reference", "--threads", "1", "--ctx", str(tokens + 64), "--raw",
                "x" * tokens, "--max-tokens", "1", "--ignore-eos"]
        began = time.monotonic()
        terminal = start(build, home, *slow)
        check(terminal.exit_code() == 0, f"it failed: {terminal.all!r}")
        if time.monotonic() - began > 2 * PATIENCE_S:
            break
    check(f"of {tokens:,} tokens …" in terminal.all, f"nothing is shown: {terminal.all!r}")
    before = terminal.all.rsplit("tokens …\x1b[K", 1)[1]
    check(before.startswith("\r\x1b[K"), f"the line is not erased: {before!r}")
    terminal = start(build, home, *slow, "--json")
    check(terminal.exit_code() == 0, f"it failed: {terminal.all!r}")
    check("reading" not in terminal.all, f"a line beside JSON: {terminal.all!r}")


def main():
    build = Path(sys.argv[1]).resolve()
    scenes = (edits_and_stops, remembers_and_leaves, shows_that_it_reads)
    with tempfile.TemporaryDirectory() as home:
        for scene in scenes:
            try:
                scene(build, Path(home))
            except AssertionError as problem:
                print(f"{scene.__name__}: {problem}")
                return 1
    print(f"terminal: {len(scenes)} sessions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
