"""Counts of passed and failed checks: the summary line that a person reads and, when HEARTH_TALLY
names a file, the same counts appended there, from which .ci/run makes its sum."""

import os


def finish(what, passed, failed, skipped=0):
    """The last line of a round of checks. Skipped ones are neither passed nor failed."""
    if path := os.environ.get("HEARTH_TALLY"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{what} {passed} {failed}\n")
    suffix = f", {skipped} skipped" if skipped else ""
    print(f"{what}: {passed} passed, {failed} failed{suffix}", flush=True)
