#!/usr/bin/env python3
"""Shows that no instruction leaks out of its file. The objects of x86_*.cc and arm_*.cc are
compiled for processors that the machine may not be; a weak symbol in one (an inline function, a
template) could be the copy that the linker keeps for the whole program. So those objects export
no weak symbol, and no other file is compiled with instruction-set flags.

  scripts/check_symbols.py BUILD      a release build: unoptimized ones keep inline functions
"""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

ISA_FILE = re.compile(r"/(x86|arm)_[a-z0-9_]+\.cc$")
ISA_FLAG = re.compile(r"^-m(avx|sse[34]|fma|f16c|bmi|arch=|cpu=|tune=native|amx)")
# nm's letters for a definition that another object's may replace, or that may replace another's.
WEAK = "WVuw"
# GCC's pointer to the exception personality: the same data in every object, and no code.
DATA = "DW.ref."


def object_of(entry):
    arguments = shlex.split(entry["command"])
    return Path(entry["directory"]) / arguments[arguments.index("-o") + 1], arguments


def weak_symbols(path):
    listing = subprocess.run(["nm", "-C", "--defined-only", str(path)], check=True,
                             capture_output=True, text=True).stdout
    for line in listing.splitlines():
        _, letter, name = line.split(" ", 2)
        if letter in WEAK and not name.startswith(DATA):
            yield name


def violations_of(entry):
    source = entry["file"]
    path, arguments = object_of(entry)
    if not ISA_FILE.search(source):
        for flag in filter(ISA_FLAG.match, arguments):
            yield f"{source}: compiled with {flag}; only x86_*.cc and arm_*.cc may be"
        return
    if not path.is_file():
        yield f"{source}: not built ({path})"
        return
    for name in weak_symbols(path):
        yield f"{source}: exports weak {name}"


def main():
    database = Path(sys.argv[1]) / "compile_commands.json"
    if not database.is_file():
        print(f"{database}: no such file; configure a build first (make build)")
        return 1
    entries = json.loads(database.read_text())
    violations = [text for entry in entries for text in violations_of(entry)]
    isa_count = sum(bool(ISA_FILE.search(entry["file"])) for entry in entries)
    print("\n".join(violations + [f"symbols: {isa_count} instruction-set files of {len(entries)}, "
                                  f"{len(violations)} violations"]))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
