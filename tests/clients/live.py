"""What the suites of official clients share: where the server is, and how their counts are told.

  HEARTH_URL    the server, http://127.0.0.1:11435
  HEARTH_MODEL  the model they ask (default: smollm2)
scripts/clients.py sets both, runs every suite and adds the counts up.
"""

import json
import os
import sys
import unittest
import urllib.request

URL = os.environ.get("HEARTH_URL", "http://127.0.0.1:11435").rstrip("/")
MODEL = os.environ.get("HEARTH_MODEL", "smollm2")
MISSING = "no-such-model-here"
QUESTION = "Name the colours of the rainbow."
TIMEOUT_S = 120  # of one call: a model may have to be loaded first


def post(path, body):
    """The reply to a route that no official client knows."""
    request = urllib.request.Request(URL + path, json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
        return json.load(reply)


def tokens_of(text, **options):
    return post("/tokenize", {"model": MODEL, "content": text, **options})["tokens"]


def middle_of(text):
    """A part of an answer that makes a stop string: what comes before it must be what is said."""
    stop = text[len(text) // 2:len(text) // 2 + 3]
    return stop, text[:text.index(stop)]


def cosine(a, b):
    def norm(v):
        return sum(x * x for x in v) ** 0.5
    return sum(x * y for x, y in zip(a, b)) / (norm(a) * norm(b))


def main():
    """Runs the tests of the calling file. The last line of stdout has the counts."""
    result = unittest.main(module="__main__", exit=False, verbosity=1).result
    wrong = [test for test, _ in result.failures + result.errors + result.skipped]
    # A subtest counts as the test that it is part of.
    failed = len({getattr(test, "test_case", test).id() for test in wrong})
    failed += result.testsRun == 0
    passed = max(result.testsRun - failed, 0)
    print(json.dumps({"passed": passed, "failed": failed}), flush=True)
    sys.exit(1 if failed else 0)
