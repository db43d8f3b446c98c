"""Runs a command and prints, as JSON, its seconds from start to end, the most bytes that were
resident, its exit code and its stderr. A process of its own, for what measures processes: Linux
counts into a child's peak what its parent held when it was started, and this one holds little.

    bench_process.py COMMAND [ARGUMENT …]
"""

import json
import os
import subprocess
import sys
import tempfile
import time

with tempfile.TemporaryFile() as errors:
    started = time.monotonic()
    child = subprocess.Popen(
        sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
    )
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - started
    errors.seek(0)
    answer = {
        "seconds": seconds,
        "resident_bytes": usage.ru_maxrss * 1024,  # Linux counts KiB
        "exit": os.waitstatus_to_exitcode(status),
        "stderr": errors.read().decode(errors="replace"),
    }
print(json.dumps(answer))
