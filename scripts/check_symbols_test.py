#!/usr/bin/env python3
"""check_symbols.py against objects compiled here: an inline function in an instruction-set file
is seen, and so is an instruction-set flag on another file."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import check_symbols

COMPILER = shutil.which("c++") or shutil.which("g++")


@unittest.skipUnless(COMPILER, "no C++ compiler")
class Symbols(unittest.TestCase):
    def check(self, name, code, flags=""):
        with tempfile.TemporaryDirectory() as directory:
            source = Path(directory) / name
            source.write_text(code)
            command = f"{COMPILER} -O0 {flags} -c {source} -o {source}.o"
            subprocess.run(command.split(), check=True)
            entry = {"directory": directory, "command": command, "file": str(source)}
            return list(check_symbols.violations_of(entry))

    def test_weak_symbol(self):
        code = "inline int twice(int x) { return x * 2; }\nint kernel(int x) { return twice(x); }\n"
        self.assertIn("exports weak twice(int)", self.check("x86_avx2.cc", code)[0])
        self.assertEqual(self.check("x86_avx2.cc", code.replace("inline", "static")), [])
        self.assertEqual(self.check("portable.cc", code), [])

    def test_flag(self):
        self.assertEqual(self.check("x86_avx2.cc", "int a;\n", "-mavx2"), [])
        self.assertIn("compiled with -mavx2", self.check("portable.cc", "int a;\n", "-mavx2")[0])
        self.assertIn("-march=native", self.check("a.cc", "int a;\n", "-march=native")[0])
        self.assertEqual(self.check("a.cc", "int a;\n", "-mtune=generic"), [])


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=0))
