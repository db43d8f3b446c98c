#!/usr/bin/env python3
"""Fuzzes every parser, two at a time, under ASan and UBSan, then measures the line coverage of the
sources that the fuzzer's "// covers:" line names. Exits 1 on a finding or on too low a coverage.

  scripts/fuzz.py BUILD --seconds N [--min-coverage PERCENT] [NAME…]

Inputs: fuzz/corpus/NAME/ (committed seeds, only read) and BUILD/corpus/NAME/ (grows).
Findings are left in BUILD/findings/NAME-*; replay one with BUILD/NAME_fuzz FILE.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tally

AT_A_TIME = 2
INPUT_SECONDS_MAX = 10
MEMORY_MB_MAX = 2048


def covered_sources(name):
    """The sources that fuzz/NAME_fuzz.cc names: `// covers: src/a.cc src/b_*.cc`, and on the
    comment lines straight after it that begin with src/."""
    text = Path(f"fuzz/{name}_fuzz.cc").read_text()
    match = re.search(r"^// covers: (.+(?:\n// src/.+)*)$", text, re.MULTILINE)
    if not match:
        sys.exit(f"fuzz/{name}_fuzz.cc: no line '// covers: <sources of the parser>'")
    sources = []
    for pattern in match.group(1).replace("//", " ").split():
        found = [str(path) for path in Path(".").glob(pattern)
                 if not path.name.endswith(("_test.cc", "_bench.cc"))]
        if not found:
            sys.exit(f"fuzz/{name}_fuzz.cc covers {pattern}, which does not exist")
        sources += found
    return sorted(sources)


def directories(build, name):
    corpus, findings = build / "corpus" / name, build / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    seeds = Path(f"fuzz/corpus/{name}")
    return corpus, findings, [str(path) for path in (corpus, seeds) if path.is_dir()]


def fuzz(build, name, seconds):
    """One parser. Returns the row of the table."""
    _, findings, inputs = directories(build, name)
    profile = build / f"{name}.profraw"
    command = [str(build / f"{name}_fuzz"), *inputs, f"-max_total_time={seconds}",
               f"-timeout={INPUT_SECONDS_MAX}", f"-rss_limit_mb={MEMORY_MB_MAX}",
               f"-artifact_prefix={findings}/{name}-", "-print_final_stats=1"]
    if (dictionary := Path(f"fuzz/{name}.dict")).is_file():
        command.append(f"-dict={dictionary}")
    log = build / f"{name}.log"
    with log.open("w", encoding="utf-8") as output:
        code = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False,
                              env={**os.environ, "LLVM_PROFILE_FILE": "/dev/null"}).returncode
    text = log.read_text(encoding="utf-8", errors="replace")
    executions = re.search(r"number_of_executed_units:\s*(\d+)", text)
    row = {"name": name, "code": code, "log": log,
           "executions": int(executions.group(1)) if executions else 0,
           "inputs": len(list((build / "corpus" / name).iterdir()))}
    if code == 0:
        row["lines"], row["covered"] = coverage(build, name, inputs, profile)
    return row


def coverage(build, name, inputs, profile):
    """Lines of the parser's sources, and how many of them the corpus reaches."""
    program = build / f"{name}_fuzz"
    subprocess.run([str(program), *inputs, "-runs=0"], check=True, stderr=subprocess.DEVNULL,
                   env={**os.environ, "LLVM_PROFILE_FILE": str(profile)})
    merged = profile.with_suffix(".profdata")
    subprocess.run(["llvm-profdata-19", "merge", "-sparse", str(profile), "-o", str(merged)],
                   check=True)
    report = subprocess.run(
        ["llvm-cov-19", "export", str(program), f"-instr-profile={merged}", "-summary-only"],
        check=True, capture_output=True, text=True).stdout
    # llvm-cov's own choice of sources reports on every source when it finds none of them. With a
    # compiler cache the names begin with src/, without one with the build's directory.
    sources = covered_sources(name)
    lines = {file["filename"].removeprefix(f"{build}/"): file["summary"]["lines"]
             for file in json.loads(report)["data"][0]["files"]}
    if absent := [source for source in sources if source not in lines]:
        sys.exit(f"{program} has no lines of {absent}")
    return tuple(sum(lines[source][key] for source in sources) for key in ("count", "covered"))


def verdict(row, coverage_min):
    if row["code"]:
        return f"FINDING, see {row['log']}"
    share = 100 * row["covered"] / max(row["lines"], 1)
    if share < coverage_min or not row["lines"] or not row["executions"]:
        return f"{share:.1f} % of {row['lines']} lines, wanted {coverage_min} %"
    return ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--min-coverage", type=float, default=80)
    options = parser.parse_intermixed_args()
    os.chdir(Path(__file__).resolve().parent.parent)
    names = options.names or sorted(path.name.removesuffix("_fuzz.cc")
                                    for path in Path("fuzz").glob("*_fuzz.cc"))
    for name in names:
        covered_sources(name)
        if not (options.build / f"{name}_fuzz").is_file():
            sys.exit(f"{options.build}/{name}_fuzz is not built: make fuzz builds and runs it")
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        rows = list(pool.map(lambda name: fuzz(options.build, name, options.seconds), names))
    print(f"{'parser':12}{'executions':>12}{'per second':>12}{'corpus':>8}"
          f"{'lines':>7}{'covered':>9}")
    failures = 0
    for row in rows:
        share = f"{100 * row['covered'] / max(row['lines'], 1):.1f} %" if "lines" in row else "-"
        problem = verdict(row, options.min_coverage)
        failures += bool(problem)
        print(f"{row['name']:12}{row['executions']:12,}{row['executions'] // options.seconds:12,}"
              f"{row['inputs']:8,}{row.get('lines', 0):7,}{share:>9}  {problem}")
    tally.finish("fuzz", len(rows) - failures, failures or int(not rows))
    return 1 if failures or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
