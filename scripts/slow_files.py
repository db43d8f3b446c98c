#!/usr/bin/env python3
"""Names the files that take longest to compile, from ninja's log of a build. With a warm ccache the
times mean nothing: build with CCACHE_DISABLE=1 in an empty directory first.

  scripts/slow_files.py BUILD [COUNT]
"""

import sys
from pathlib import Path


def main():
    log = Path(sys.argv[1]) / ".ninja_log"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    if not log.is_file():
        print(f"{log}: no such file; build first")
        return 1
    seconds = {}
    for line in log.read_text().splitlines()[1:]:
        start_ms, end_ms, _, output, _ = line.split("\t")
        if output.endswith(".o"):
            seconds[output] = (int(end_ms) - int(start_ms)) / 1000  # a file's last build counts
    for output, time in sorted(seconds.items(), key=lambda item: -item[1])[:count]:
        print(f"{time:6.1f} s  {output.split('.dir/')[-1].removesuffix('.o')}")
    print(f"{sum(seconds.values()):6.1f} s  all {len(seconds)} files, one after another")
    return 0


if __name__ == "__main__":
    sys.exit(main())
