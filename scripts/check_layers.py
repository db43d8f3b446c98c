#!/usr/bin/env python3
"""Holds every #include to the floors of ARCHITECTURE.md: a room includes itself and what stands
lower, two rooms on one floor never include each other. There is no list of exceptions.

  scripts/check_layers.py [ROOT]
"""

import re
import sys
from pathlib import Path

FLOORS = {
    "base": 0,
    "platform": 1, "crypto": 1,
    "tensor": 2, "net": 2,
    "format": 3, "kernels": 3, "http": 3,
    "device": 4, "text": 4, "store": 4, "state": 4,
    "nn": 5, "chat": 5,
    "models": 6,
    "engine": 7,
    "host": 8, "eval": 8, "api": 8,
    "quantize": 9, "train": 9, "gateway": 9, "fleet": 9, "hearth": 9,
    "server": 10, "cli": 10,
}
TOP_FLOOR = 11  # apps/: may include every room
# Libraries that stay in the rooms made for them.
LIBRARY_ROOMS = {
    "curl/": {"net"},
    "boost/beast": {"http"},
    "sqlite3.h": {"state"},
    "sodium.h": {"crypto"},
    "pcre2.h": {"text"},
    "archive.h": {"format", "store"},
    "CLI/": {"apps"},
}
# What would make every includer of a header slow to compile, or bind it to a library.
NOT_IN_HEADERS = ("curl/", "nlohmann/json.hpp", "CLI/", "boost/beast", "spdlog/")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
SYSTEM_CONDITION = re.compile(r"^\s*#\s*(?:el)?if.*\b(_WIN32|__linux__|__APPLE__|__unix__)\b")


def room_of(path):
    """src/text/x.cc → text; src/hearth.h → hearth; apps/… → apps."""
    parts = path.parts
    if parts[0] != "src":
        return parts[0]
    return parts[1] if len(parts) > 2 else path.stem.removesuffix("_test")


def check_include(path, room, quote, included, root):
    """The violation of one include, or None."""
    for library, rooms in LIBRARY_ROOMS.items():
        if included.startswith(library) and room not in rooms:
            return f"{library} belongs to {', '.join(sorted(rooms))}"
    if path.suffix == ".h" and included.startswith(NOT_IN_HEADERS):
        return f"{included} in a header"
    if quote == "<":
        return None
    if path.name.endswith("_test.cc") and included.startswith("tests/"):
        return None if (root / included).is_file() else f"{included}: no such file"
    if generated := next((root / "src").rglob(f"{Path(included).name}.in"), None):
        included = str(generated.relative_to(root / "src"))
    if not (root / "src" / included).is_file():
        beside = (root / path.parent / included).is_file()
        if beside and room == "apps":
            return None
        return f"{included}: " + ("includes are relative to src/" if beside else "no such file")
    target = room_of(Path("src") / included)
    if target not in FLOORS:
        return f"room '{target}' has no floor: add it to the table of scripts/check_layers.py"
    floor = TOP_FLOOR if room == "apps" else FLOORS[room]
    if target == room or FLOORS[target] < floor:
        return None
    relation = "the same floor" if FLOORS[target] == floor else "a higher floor"
    return f"{room} (floor {floor}) includes {target} (floor {FLOORS[target]}): {relation}"


def check_file(path, root):
    """Yields (line, message) for every violation in root/path."""
    room = room_of(path)
    if room != "apps" and room not in FLOORS:
        yield 1, f"room '{room}' has no floor: add it to the table of scripts/check_layers.py"
        return
    for number, line in enumerate((root / path).read_text().splitlines(), 1):
        if SYSTEM_CONDITION.match(line) and room != "platform":
            yield number, "operating systems are told apart in src/platform/ only"
        if match := INCLUDE.match(line):
            if message := check_include(path, room, *match.groups(), root):
                yield number, message


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    files = [file.relative_to(root) for top in ("src", "apps")
             for file in sorted((root / top).rglob("*"))
             if file.suffix in (".h", ".cc", ".inc")]
    violations = [f"{path}:{line}: {message}"
                  for path in files for line, message in check_file(path, root)]
    rooms = {room_of(path) for path in files}
    print("\n".join(violations + [f"layers: {len(files)} files in {len(rooms)} rooms, "
                                  f"{len(violations)} violations"]))
    return 1 if violations or not files else 0


if __name__ == "__main__":
    sys.exit(main())
