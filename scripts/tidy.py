#!/usr/bin/env python3
"""Holds the sources to the habits of CONTRIBUTING.md. Prints path:line: what is wrong; exits 1 if
anything is.

  scripts/tidy.py            check every file that git knows or would add
  scripts/tidy.py --table    also the lengths of functions and files
  scripts/tidy.py FILE…      check these
"""

import argparse
import ast
import os
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import cpp_scan

COLUMNS = 100
FUNCTION_ASK, FUNCTION_FAIL = 50, 70
LONG_FUNCTION_FAIL = 120  # kernel bodies and forward passes
LONG_FUNCTION_ROOMS = ("src/kernels/", "src/models/")
FILE_ASK, FILE_FAIL = 500, 900
PARAMETERS = 6
VAGUE_NAMES = {"util", "utils", "common", "helper", "helpers", "misc"}
CPP, PYTHON = (".cc", ".h"), (".py",)
OTHER_TEXT = (".sh", ".cmake", ".inc", ".toml", ".yml")
OTHER_NAMES = ("CMakeLists.txt", "Makefile", "run")
DATA_DIRECTORIES = ("/golden/", "/corpus/", "/testdata/")
TAB_ALLOWED = ("Makefile",)
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
BANNER = re.compile(r"^\s*(//|#)\s*([-=*#~_/])\2{3,}")
CONSTANT = re.compile(r"^(?:inline |static )*constexpr [^=({]*?\b(\w+)(?:\[[^=]*\])?\s*(?:=|\{)")
TYPE = re.compile(r"^\s*(?:class|struct|enum class|union)\s+(\w+)\s*(?:final\s*)?[:{]")
# With a format's own suffix, where it has one: BlockQ4_0, BlockQ5_K.
TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9]*(_[0-9A-Z]+)?")
SNAKE_FILE = re.compile(r"^[a-z0-9_]+$")
# Names that GoogleTest, Google Benchmark and libFuzzer give.
FRAMEWORK_NAMES = {"TEST", "TEST_F", "TEST_P", "TYPED_TEST", "BENCHMARK_F", "SetUp", "TearDown",
                   "SetUpTestSuite", "TearDownTestSuite", "LLVMFuzzerTestOneInput",
                   "LLVMFuzzerInitialize", "LLVMFuzzerCustomMutator"}


class Report:
    def __init__(self):
        self.violations, self.asks, self.functions, self.file_lines = [], [], [], {}

    def fail(self, path, line, message):
        self.violations.append(f"{path}:{line}: {message}")

    def ask(self, path, line, message):
        self.asks.append(f"{path}:{line}: ask: {message}")

    def function(self, path, line, name, line_count):
        self.functions.append((line_count, name, path, line))
        limit = LONG_FUNCTION_FAIL if path.startswith(LONG_FUNCTION_ROOMS) else FUNCTION_FAIL
        if line_count > limit:
            self.fail(path, line, f"{name} has {line_count} lines, the limit is {limit}")
        elif line_count > FUNCTION_ASK:
            self.ask(path, line, f"{name} has {line_count} lines; can it be {FUNCTION_ASK}?")

    def parameters(self, path, line, name, count):
        if count > PARAMETERS:
            self.fail(path, line, f"{name} takes {count} parameters; more than {PARAMETERS} go "
                                  "into a struct with named fields")


def check_text(path, text, report):
    if text and not text.endswith("\n"):
        report.fail(path, text.count("\n") + 1, "no newline at the end of the file")
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > COLUMNS:
            report.fail(path, number, f"{len(line)} columns, the limit is {COLUMNS}")
        if line != line.rstrip():
            report.fail(path, number, "whitespace at the end of the line")
        if "\t" in line and Path(path).name not in TAB_ALLOWED:
            report.fail(path, number, "a tab")
        if UNFINISHED.search(line):
            report.fail(path, number, "unfinished: do it, or say in the note what is left")
        if BANNER.match(line):
            report.fail(path, number, "a banner comment")


def check_name(path, report):
    for part in Path(path).parts:
        stem = part.split(".")[0]
        if set(stem.lower().split("_")) & VAGUE_NAMES:
            report.fail(path, 1, f"'{part}' says nothing about its contents")
    stem = Path(path).name.split(".")[0]
    if path.endswith(CPP + PYTHON) and not SNAKE_FILE.match(stem):
        report.fail(path, 1, "file names are snake_case")


def check_length(path, text, report):
    count = report.file_lines[path] = text.count("\n")
    if count > FILE_FAIL:
        report.fail(path, count, f"{count} lines, the limit of a file is {FILE_FAIL}")
    elif count > FILE_ASK:
        report.ask(path, count, f"{count} lines; is this one file?")


def check_header(path, text, report):
    lines = text.splitlines()
    if not lines or not lines[0].startswith("//"):
        report.fail(path, 1, "a header opens with what it is, who owns what, threads, invariants")
    if "#pragma once" not in lines:
        report.fail(path, 1, "no #pragma once")


def check_function_name(path, function, report):
    parts = function.name.split("::")
    name = parts[-1].lstrip("~").strip()
    is_constructor = name == function.scope or (len(parts) > 1 and name == parts[-2])
    if (is_constructor or name.startswith("operator") or name in FRAMEWORK_NAMES or name.isupper()
            or name == "?" or re.fullmatch(r"[a-z_][a-z0-9_]*", name)):
        return
    report.fail(path, function.line, f"{name}: functions are snake_case")


def check_cpp(path, text, report):
    for function in cpp_scan.functions(text):
        check_function_name(path, function, report)
        report.parameters(path, function.line, function.name, function.parameter_count)
        if function.line_count:
            report.function(path, function.line, function.name, function.line_count)
    for number, line in enumerate(cpp_scan.blank(text).splitlines(), 1):
        if (match := CONSTANT.match(line)) and not re.match(r"k[A-Z0-9]", match.group(1)):
            report.fail(path, number, f"{match.group(1)}: constants are kPascalCase")
        if (match := TYPE.match(line)) and not TYPE_NAME.fullmatch(match.group(1)):
            report.fail(path, number, f"{match.group(1)}: types are PascalCase")
    if path.endswith(".h"):
        check_header(path, text, report)


def check_python(path, text, report):
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        report.fail(path, error.lineno or 1, f"not Python: {error.msg}")
        return
    if not ast.get_docstring(tree):
        report.fail(path, 1, "a module opens with a docstring: what it is for")
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            report.function(path, node.lineno, node.name, node.end_lineno - node.lineno + 1)
            names = [a.arg for a in node.args.posonlyargs + node.args.args + node.args.kwonlyargs]
            count = len([name for name in names if name not in ("self", "cls")])
            report.parameters(path, node.lineno, node.name, count)


def check_format(paths, required, report):
    tool = shutil.which("clang-format-19")
    if not tool:
        if required:
            report.fail(".clang-format", 1, "no clang-format-19: scripts/setup.sh test installs it")
        return
    if paths:
        result = subprocess.run([tool, "--dry-run", "-Werror", *paths], check=False,
                                capture_output=True, text=True)
        where = {}
        for line in result.stderr.splitlines():
            if match := re.match(r"(.*?):(\d+):\d+: error: code should be", line):
                where.setdefault(match.group(1), []).append(match.group(2))
        for path, lines in sorted(where.items()):
            report.fail(path, lines[0], f"{len(lines)} places are not as clang-format-19 writes "
                                        "them (make format)")
        if result.returncode and not where:
            report.fail(".clang-format", 1, result.stderr.strip().splitlines()[0])


def is_checked(path):
    if any(part in f"/{path}" for part in DATA_DIRECTORIES):
        return False
    return path.endswith(CPP + PYTHON + OTHER_TEXT) or Path(path).name in OTHER_NAMES


def listed_files():
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], check=True,
                             capture_output=True, text=True).stdout.splitlines()
    return sorted(path for path in set(listing) if is_checked(path) and Path(path).is_file())


def check_file(path, report):
    text = Path(path).read_text(encoding="utf-8")
    check_name(path, report)
    check_text(path, text, report)
    check_length(path, text, report)
    if path.endswith(CPP):
        check_cpp(path, text, report)
    elif path.endswith(PYTHON):
        check_python(path, text, report)


def print_table(report):
    print("lines  function")
    for line_count, name, path, line in sorted(report.functions, reverse=True)[:20]:
        print(f"{line_count:5}  {name}  {path}:{line}")
    print("\nlines  file")
    for path, count in sorted(report.file_lines.items(), key=lambda item: -item[1])[:20]:
        print(f"{count:5}  {path}")
    for label, values, edges in (
            ("functions", [entry[0] for entry in report.functions], (10, 20, 30, 50, 70, 120)),
            ("files", list(report.file_lines.values()), (50, 100, 150, 300, 500, 900))):
        print(f"\n{label}: {len(values)}, median {statistics.median(values or [0]):.0f} lines")
        low = 0
        for edge in edges:
            print(f"  {low + 1:3} … {edge:3} lines: {sum(low < value <= edge for value in values)}")
            low = edge
        print(f"  more           : {sum(value > low for value in values)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*")
    parser.add_argument("--table", action="store_true", help="print the lengths")
    options = parser.parse_args()
    if not options.files:
        os.chdir(Path(__file__).resolve().parent.parent)
    report = Report()
    paths = options.files or listed_files()
    for path in paths:
        check_file(path, report)
    check_format([path for path in paths if path.endswith(CPP)], bool(os.environ.get("CI")), report)
    for line in report.asks + report.violations:
        print(line)
    if options.table:
        print_table(report)
    source = [count for path, count in report.file_lines.items() if path.endswith(CPP)] or [0]
    print(f"tidy: {len(paths)} files, {len(report.functions)} functions, C++ files' median "
          f"{statistics.median(source):.0f} lines; {len(report.violations)} violations, "
          f"{len(report.asks)} asks")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
