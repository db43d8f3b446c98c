#!/usr/bin/env python3
"""Runs what `make test` runs after the build: the unit tests (ctest, fuzz corpora included), then
the checks of the sources and of the build. Ends in one line with the counts; exits 1 if anything
failed.

  scripts/run_tests.py BUILD [--only unit|checks] [--exclude REGEX]

Where CI is set, a test that could not run counts as failed: there, everything it needs is
installed. The one exception is a test skipped for an instruction set that "this CPU lacks".
"""

import argparse
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import tally

SCRIPT_TESTS = ("tidy_test.py", "check_layers_test.py", "check_docs_test.py",
                "check_symbols_test.py")
FAILED_SHOWN_MAX = 20


def run_unit(build, exclude):
    """(passed, failed, skipped) of ctest."""
    report = (build / "tests.xml").resolve()
    report.unlink(missing_ok=True)
    print("unit tests …", flush=True)
    command = ["ctest", "--test-dir", str(build), "--output-on-failure", "--no-tests=error",
               "--output-junit", str(report), "-j", str(os.cpu_count()), "--quiet"]
    if exclude:
        command += ["-E", exclude]
    subprocess.run(command, check=False)
    if not report.is_file():
        print(f"no test ran: is {build}/hearth_tests built?")
        return 0, 1, 0
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).iter("testcase"):
        output = case.findtext("system-out") or ""
        if case.get("status") == "run":
            passed += 1
        elif case.find("skipped") is not None and not must_run(case.get("name"), output):
            skipped += 1
            print(f"skipped: {case.get('name')}")
        else:
            failed += 1
            if failed <= FAILED_SHOWN_MAX:
                print(f"FAILED: {case.get('name')}\n{output}")
    return passed, failed, skipped


def must_run(name, output):
    if name.endswith("_NOT_BUILT"):  # what ctest calls a test program that is not there
        return True
    return bool(os.environ.get("CI")) and "this CPU lacks" not in output


def model_path(build, name):
    """Where `hearth pull` put the model; "" when it is not there: the tests that need it fail."""
    shown = subprocess.run([str(build / "hearth"), "show", name, "--json"], check=False, text=True,
                           stdout=subprocess.PIPE)
    return json.loads(shown.stdout)["path"] if shown.returncode == 0 else ""


def checks(build):
    scripts = Path(__file__).resolve().parent
    yield from ([str(scripts / name)] for name in SCRIPT_TESTS)
    yield [str(scripts / "tidy.py")]
    yield [str(scripts / "check_layers.py")]
    yield [str(scripts / "check_docs.py")]
    yield [str(scripts / "check_symbols.py"), str(build)]
    yield [str(scripts / "check_cli.py"), str(build)]
    yield [str(scripts.parent / "tests/cli/command_runs.py"), str(build)]
    yield [str(scripts.parent / "tests/cli/terminal_session.py"), str(build)]
    yield [str(scripts.parent / "tests/cli/bad_input.py"), str(build)]
    yield [str(scripts.parent / "tests/store/two_processes.py"), str(build)]
    yield [str(scripts.parent / "tests/server/serve_runs.py"), str(build)]
    yield [str(scripts / "clients.py"), str(build)]


def run_checks(build):
    passed = failed = 0
    for command in checks(build):
        result = subprocess.run([sys.executable, *command], check=False, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        passed += result.returncode == 0
        failed += result.returncode != 0
        lines = result.stdout.splitlines()
        print("\n".join(lines if result.returncode else lines[-1:]))
        if result.returncode:
            print(f"FAILED: {Path(command[0]).name}")
    return passed, failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("--only", choices=("unit", "checks"))
    parser.add_argument("--exclude", help="unit tests whose name matches are left out")
    options = parser.parse_args()
    os.chdir(Path(__file__).resolve().parent.parent)
    unit, check = (0, 0, 0), (0, 0)
    # A build that measures coverage would leave a profile of every process.
    os.environ.setdefault("LLVM_PROFILE_FILE", "/dev/null")
    os.environ.setdefault("HEARTH_TEST_MODEL_SMOLLM2", model_path(options.build, "smollm2"))
    if options.only != "checks":
        unit = run_unit(options.build, options.exclude)
    if options.only != "unit":
        check = run_checks(options.build)
    failed = unit[1] + check[1]
    tally.finish(f"tests of {options.build}", unit[0] + check[0], failed, unit[2])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
