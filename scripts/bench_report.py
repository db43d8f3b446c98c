"""Medians, ratios and verdicts of measured cases, as markdown."""

from __future__ import annotations

import datetime
import platform
import statistics
from pathlib import Path

import peers
import report
from bench_rows import Case
from bench_sides import HEARTH, IK, INT8_PEAK, LLAMA, READ_BANDWIDTH, Sample
from bench_targets import F16_KV, FASTEST, ITSELF, TARGETS, Target
from hearth_program import Hearth
from report import Line


def median(samples: list[Sample]) -> float:
    return statistics.median(sample.value for sample in samples)


def share(samples: list[Sample], limit: str) -> float:
    return statistics.median(sample.shares[limit] for sample in samples)


def number(value: float) -> str:
    return f"{value:,.1f}" if value >= 10 else f"{value:.2f}"


def spread(samples: list[Sample]) -> str:
    values = [sample.value for sample in samples]
    return f"{number(median(samples))} ({number(min(values))}–{number(max(values))})"


def limit_of(test: str) -> str | None:
    """The limit of the machine that a test is up against."""
    if test.startswith("pp"):
        return INT8_PEAK
    return READ_BANDWIDTH if test.startswith("tg") and "x" not in test else None


def table_row(case: Case, test: str, sides: list[str]) -> list[str]:
    ours = case.samples[HEARTH, test]
    row = [case.subject, test, str(len(ours))]
    for side in sides:
        row.append(spread(case.samples[side, test]) if (side, test) in case.samples else "")
    for side in sides[1:]:
        theirs = case.samples.get((side, test))
        row.append(f"{median(ours) / median(theirs):.2f}" if theirs else "")
    limit = limit_of(test)
    row.append(f"{share(ours, limit):.0%} of {limit}" if limit else "")
    shared = sum(sample.cores_shared for sample in ours)
    row.append(f"{shared} of {len(ours)}" if shared else "")
    return row


def table(cases: list[Case]) -> str:
    sides = [side for side in (HEARTH, LLAMA, IK) if any(side in case.measure for case in cases)]
    head = ["", "test", "rounds", *sides, *(f"÷ {side}" for side in sides[1:])]
    head += ["Hearth's share", "rounds with cores shared"]
    rows = [head, ["---"] * len(head)]
    rows += [table_row(case, test, sides) for case in cases for test in case.tests()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def tables(cases: list[Case]) -> str:
    names = dict.fromkeys(case.row for case in cases)
    parts = (f"## {name}\n\n{table([c for c in cases if c.row == name])}" for name in names)
    return "\n\n".join(parts)


def sibling(case: Case, test: str, against: str, cases: list[Case]) -> float | None:
    """Hearth's figure of the variant that this one is compared with; None: it was not measured."""
    others = [
        median(other.samples[HEARTH, test])
        for other in cases
        if (other.row, other.model, other.threads) == (case.row, case.model, case.threads)
        and (other.variant != "F16" if against == FASTEST else other.variant == "f16")
    ]
    return max(others, default=None)


def measured(target: Target, case: Case, test: str, cases: list[Case]) -> float | None:
    ours = case.samples[HEARTH, test]
    if target.against == ITSELF:
        return median(ours)
    if target.against in (INT8_PEAK, READ_BANDWIDTH):
        return share(ours, target.against)
    if target.against in (FASTEST, F16_KV):
        other = sibling(case, test, target.against, cases)
        return median(ours) / other if other else None
    theirs = case.samples.get((target.against, test))
    return median(ours) / median(theirs) if theirs else None


def applies(target: Target, case: Case, test: str) -> bool:
    return (
        target.row == case.row
        and target.model in ("", case.model)
        and target.threads in (0, case.threads)
        and target.variant in ("", case.variant)
        and target.except_variant != case.variant
        and test.startswith(target.test)
    )


def judged(cases: list[Case], rows: list[str]) -> list[Line]:
    """What was asked of these rows; a target that nothing was measured for is not held."""
    lines, met = [], set()
    for case in cases:
        if case.failure:
            lines.append(Line(case.row, case.subject, "failed", "to run", False))
        for test in case.tests():
            for target in TARGETS:
                if not applies(target, case, test):
                    continue
                value = measured(target, case, test, cases)
                if value is None:
                    continue
                met.add(target)
                what = "" if target.against == ITSELF else f" ÷ {target.against}"
                bound = f"{'≤' if target.at_most else '≥'} {target.limit:g}"
                subject = f"{case.subject}: {test}"
                holds = target.holds(value)
                lines.append(Line(case.row + what, subject, f"{value:.2f}", bound, holds))
    for target in TARGETS:
        if target.row in rows and target not in met:
            subject = f"{target.model or 'any'}: {target.test}"
            check = f"{target.row} ÷ {target.against}"
            lines.append(Line(check, subject, "not measured", "", False))
    return lines


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def document(cases: list[Case], lines: list[Line], hearth: Hearth) -> str:
    today = datetime.date.today().isoformat()
    held = sum(bool(line.passed) for line in lines)
    asked = sum(line.passed is not None for line in lines)
    return f"""# Speed beside llama.cpp and ik_llama.cpp, {today}

{processor()}, {platform.system()} {platform.release()}; {hearth.run("--version").strip()}.
llama.cpp of {peers.SDIST} {peers.SDIST_VERSION} and ik_llama.cpp of {peers.IK_SDIST}
{peers.IK_VERSION}, native builds (row avx2: for AVX2 only), flash attention on; ik_llama.cpp
repacks at run time for generation and not for prompts, where each is faster.
Medians (smallest–largest) of interleaved rounds: tokens per second, or what the test names.
"Cores shared": the probe right before found the threads on one physical core.
`make bench` repeats it.

{tables(cases)}

## What was asked: {held} of {asked}

{report.markdown(lines)}
"""
