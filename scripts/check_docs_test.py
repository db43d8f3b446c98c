#!/usr/bin/env python3
"""check_docs.py against small trees: broken links, headings and names, and a path that is too
long."""

import sys
import tempfile
import unittest
from pathlib import Path

import check_docs

PATH = """# A

### From submit to the kernel

1. [`Engine::submit`](src/engine.cc) takes a request.
2. [`run`](src/runner.cc) computes a step.

### And back

3. [`elsewhere`](src/gone.cc)
"""


class Docs(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = Path(self.directory.name).resolve()
        (self.root / "src").mkdir()
        (self.root / "src/engine.cc").write_text("void Engine::submit() {}\n")
        (self.root / "src/runner.cc").write_text("void run() {}\n" * 10)

    def check(self, text):
        document = self.root / "ARCHITECTURE.md"
        document.write_text(text)
        return list(check_docs.check_document(self.root, document))

    def test_good_links(self):
        self.assertEqual(self.check(
            "# Two words\n[a](src/engine.cc) [b](#two-words) [c](https://x.y)\n"
            "[`Engine::submit`](src/engine.cc) [`src/runner.cc`](src/runner.cc)\n"
            "```\n[example](nowhere)\n```\n"), [])

    def test_bad_links(self):
        for text, words in (("[a](src/gone.cc)\n", "no such file"),
                            ("[a](#gone)\n", "no such heading"),
                            ("[a](../../../etc/passwd)\n", "leads out"),
                            ("[`Engine::stop`](src/engine.cc)\n", "no 'stop'"),
                            ("[`src/other.cc`](src/engine.cc)\n", "is not engine.cc")):
            found = self.check(text)
            self.assertEqual(len(found), 1, text)
            self.assertIn(words, found[0])

    def test_path_is_counted(self):
        self.check(PATH)
        violations, figures = check_docs.check_token_path(self.root)
        self.assertEqual(violations, [])
        self.assertEqual(figures, "one token's path: 2 hops, 2 files, 11 lines")

    def test_long_or_missing_path(self):
        self.check(PATH.replace("2. ", "2. a\n" * 8 + "2. "))
        self.assertIn("10 hops", check_docs.check_token_path(self.root)[0][0])
        (self.root / "src/runner.cc").write_text("void run() {}\n" * 6000)
        self.check(PATH)
        self.assertIn("6001 lines", check_docs.check_token_path(self.root)[0][0])
        self.check("# A\n")
        self.assertIn("no numbered list", check_docs.check_token_path(self.root)[0][0])


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=0))
