#!/usr/bin/env python3
"""Holds what is written about the commands to what the program says of itself: every command
and every flag of `hearth … --help` stands in the man page, in the three completion scripts and
in docs/cli.md; docs/cli.md names no flag that is not there; bash really completes, and so does
fish where it is installed.

  scripts/check_cli.py BUILD
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

SHELLS = ("bash", "zsh", "fish")
PLUMBING = {"--help", "--version"}
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def commands_of(program):
    """{command: its flags}, read from --help as a person would."""
    listing = output(program, "--help").split("Subcommands:")[1]
    names = re.findall(r"^  ([a-z][\w-]*)(?:\s|$)", listing, re.MULTILINE)
    return {name: flags_of(output(program, name, "--help")) for name in names}


def flags_of(help_text):
    return set(re.findall(r"^  (?:-\w,)?(--[a-z][a-z0-9-]*)", help_text, re.MULTILINE)) - PLUMBING


def missing_words(what, text, commands, spelled):
    for name, flags in commands.items():
        if not re.search(rf"\b{re.escape(name)}\b", text):
            yield f"{what}: no command '{name}'"
        yield from (f"{what}: no {flag} of '{name}'" for flag in sorted(flags)
                    if spelled(flag) not in text)


def check_document(path, commands, program_flags):
    text = path.read_text()
    yield from missing_words(path.name, text, commands, lambda flag: flag)
    known = set().union(program_flags, PLUMBING, *commands.values())
    yield from (f"{path.name}: {flag} is no flag of the program"
                for flag in sorted(set(FLAG.findall(text)) - known))


def check_bash(script, commands):
    """Completes `hearth <tab>` and `hearth COMMAND --<tab>` in a real bash."""
    name, flags = max(commands.items(), key=lambda item: len(item[1]))
    for words, wanted in ((["hearth", ""], set(commands)), (["hearth", name, "--"], flags)):
        quoted = " ".join(f"'{word}'" for word in words)
        code = (f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _hearth\n"
                'printf "%s\\n" "${COMPREPLY[@]}"')
        offered = set(output("bash", "-c", code).split())
        if absent := wanted - offered:
            yield f"bash completes {words} without {sorted(absent)}"


def check_fish(script):
    """Completes `hearth ru<tab>` and `hearth run --te<tab>` in a real fish."""
    for line, wanted in (("hearth ru", "run"), ("hearth run --te", "--temperature")):
        offered = output("fish", "--no-config", "-c", f"{script}\ncomplete -C '{line}'")
        if wanted not in offered.split():
            yield f"fish completes '{line}' without {wanted}"


def main():
    program = str(Path(sys.argv[1]).resolve() / "hearth")
    root = Path(__file__).resolve().parent.parent
    commands = commands_of(program)
    manual = output(program, "man").replace("\\-", "-")
    problems = list(missing_words("man page", manual, commands, lambda flag: flag))
    for shell in SHELLS:
        script = output(program, "completions", shell)
        spelled = (lambda flag: f" -l {flag[2:]}") if shell == "fish" else (lambda flag: flag)
        problems += missing_words(f"{shell} completions", script, commands, spelled)
        if shell == "bash":
            problems += check_bash(script, commands)
        elif shutil.which(shell):
            check = subprocess.run([shell, "-n"], input=script, text=True, check=False,
                                   capture_output=True)
            problems += [f"{shell} rejects its script: {check.stderr}"] if check.returncode else []
            problems += check_fish(script) if shell == "fish" else []
    problems += check_document(root / "docs/cli.md", commands, flags_of(output(program, "--help")))
    flags = sum(map(len, commands.values()))
    print("\n".join(problems + [f"cli: {len(commands)} commands, {flags} flags, "
                                f"{len(problems)} violations"]))
    return 1 if problems or not commands else 0


if __name__ == "__main__":
    sys.exit(main())
