#!/usr/bin/env python3
"""Holds the documents to the sources. Every relative link leads to a file; a heading it names
(#…) is in that file; a link whose text is code, [`Engine::submit`](src/engine/engine.cc), leads
to a file in which that name stands. And one token's path, from Engine::submit to the kernel,
stays short: prints its hops and the lines of the files it opens.
  scripts/check_docs.py [ROOT]
"""

import re
import sys
from pathlib import Path

DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/*.md")
# The list under this heading of ARCHITECTURE.md has one numbered item per hop; the files that a
# reader opens are all its links.
PATH_HEADING = "From submit to the kernel"
SOURCES = (".h", ".cc", ".inc", ".py")
HOPS_MAX = 8
LINES_MAX = 6000
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.*?)\s*$", re.MULTILINE)
CODE = re.compile(r"^`([^`]+)`$")


def without_code_blocks(text):
    """Fenced blocks as empty lines: what looks like a link there is an example."""
    return re.sub(r"^```.*?^```$", lambda m: "\n" * m.group(0).count("\n"), text,
                  flags=re.DOTALL | re.MULTILINE)


def anchor(heading):
    """The anchor that a forge gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")).replace(" ", "-")


def check_link(root, document, text, target):
    """What is wrong with one link, or None."""
    if re.match(r"[a-z]+:", target):
        return None
    name, _, fragment = target.partition("#")
    path = (document.parent / name).resolve() if name else document
    if not path.exists():
        return f"{target}: no such file"
    if root not in (path, *path.parents):
        return f"{target}: leads out of the repository"
    if fragment and path.suffix == ".md":
        if fragment not in {anchor(h) for h in HEADING.findall(path.read_text())}:
            return f"{target}: no such heading"
    if (code := CODE.match(text)) and path.is_file() and path.suffix in SOURCES:
        return missing_symbol(path, code.group(1))
    return None


def missing_symbol(path, symbol):
    """`a/b.cc` names the file itself; of `A::b()`, both A and b must stand in the file."""
    if "/" in symbol or symbol.endswith(path.suffix):
        return None if str(path).endswith(symbol) else f"{symbol} is not {path.name}"
    source = path.read_text()
    words = [word for word in re.split(r"::|\(.*", symbol) if word]
    absent = [word for word in words if not re.search(rf"\b{re.escape(word)}\b", source)]
    return f"{symbol}: no '{absent[0]}' in {path.name}" if absent else None


def check_document(root, document):
    text = without_code_blocks(document.read_text())
    for number, line in enumerate(text.splitlines(), 1):
        for label, target in LINK.findall(line):
            if problem := check_link(root, document, label, target):
                yield f"{document.relative_to(root)}:{number}: {problem}"


def token_path(root):
    """(hops, files) of the list under PATH_HEADING, or None where there is no such list."""
    text = (root / "ARCHITECTURE.md").read_text()
    section = re.search(rf"^#+\s+{PATH_HEADING}\n(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
    if not section:
        return None
    hops = len(re.findall(r"^\d+\.\s", section.group(1), re.MULTILINE))
    files = {root / target.partition("#")[0] for _, target in LINK.findall(section.group(1))}
    return hops, sorted(file for file in files if file.is_file())


def check_token_path(root):
    """(violations, the figures as text)."""
    found = token_path(root)
    if not found or not found[0]:
        return [f"ARCHITECTURE.md: no numbered list under '{PATH_HEADING}'"], "no path"
    hops, files = found
    lines = sum(file.read_text().count("\n") for file in files)
    figures = f"one token's path: {hops} hops, {len(files)} files, {lines} lines"
    violations = []
    if hops > HOPS_MAX:
        violations.append(f"ARCHITECTURE.md: {hops} hops, the limit is {HOPS_MAX}")
    if lines > LINES_MAX:
        violations.append(f"ARCHITECTURE.md: {lines} lines to open, the limit is {LINES_MAX}")
    return violations, figures


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    documents = [path for pattern in DOCUMENTS for path in sorted(root.glob(pattern))]
    violations, figures = check_token_path(root)
    violations += [line for document in documents for line in check_document(root, document)]
    print("\n".join(violations + [f"docs: {len(documents)} documents, {figures}; "
                                  f"{len(violations)} violations"]))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
