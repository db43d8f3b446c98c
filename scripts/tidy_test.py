#!/usr/bin/env python3
"""tidy.py against good and bad snippets: every rule is seen to fire, and to stay quiet."""

import os
import sys
import tempfile
import unittest
from pathlib import Path

import cpp_scan
import tidy

GOOD = """// A counter. Owns nothing; one thread.
#pragma once

namespace hearth {

constexpr int kLimit = 3;  // three strikes

class Counter {
 public:
  explicit Counter(int start = {}) noexcept : value_{start}, other_(0) {
    const char* brace = "}{";
    if (brace != nullptr) value_ += '{';
  }
  bool operator()(int a, int b) const { return a < b; }
  static Counter make(std::map<int, int> a, int b);

 private:
  int value_ = 1'000;
  int other_{0};
};

template <typename T, class U = int>
T twice(T value) {
  return R"(})" == nullptr ? value : value * 2;
}

}  // namespace hearth
"""


def long_function(lines):
    return "void long_one() {\n" + "  step();\n" * (lines - 2) + "}\n"


def violations(path, text):
    """What tidy says of one file, clang-format aside."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text, encoding="utf-8")
            report = tidy.Report()
            tidy.check_file(path, report)
            return report
        finally:
            os.chdir(before)


class Scan(unittest.TestCase):
    def test_finds_the_functions_of_a_class_and_a_namespace(self):
        found = {f.name: (f.line_count, f.parameter_count, f.scope)
                 for f in cpp_scan.functions(GOOD)}
        self.assertEqual(found, {"Counter": (4, 1, "Counter"), "operator()": (1, 2, "Counter"),
                                 "make": (0, 2, "Counter"), "twice": (4, 1, "")})

    def test_nested_class_defined_outside(self):
        code = "struct Outer::Inner : Base {\n  Inner() {}\n  ~Inner() {}\n};\n"
        self.assertEqual({f.scope for f in cpp_scan.functions(code)}, {"Inner"})

    def test_tables_classes_and_enums_are_no_functions(self):
        code = ("enum class Kind { kA, kB };\nconst int kTable[] = {\n1,\n2};\n"
                "struct S {\n int a{1};\n};\nS made{1};\n")
        self.assertEqual(cpp_scan.functions(code), [])

    def test_named_lambda_counts(self):
        code = "const auto kRun = [](int a) {\n  return a;\n};\n"
        self.assertEqual([f.line_count for f in cpp_scan.functions(code)], [3])

    def test_braces_in_comments_and_literals_do_not_count(self):
        code = "void f() {\n  // }\n  /* } */\n  g('}', \"}\", R\"x(})x\");\n}\nvoid h() {}\n"
        self.assertEqual([(f.name, f.line_count) for f in cpp_scan.functions(code)],
                         [("f", 5), ("h", 1)])

    def test_preprocessor_lines_do_not_count(self):
        code = "#define OPEN {\nvoid f() {\n}\n#define TWO \\\n  {\nvoid g() {}\n"
        self.assertEqual([f.name for f in cpp_scan.functions(code)], ["f", "g"])


class Rules(unittest.TestCase):
    def assert_fires(self, path, text, words):
        found = violations(path, text).violations
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])

    def test_good_file_is_quiet(self):
        report = violations("src/base/counter.h", GOOD)
        self.assertEqual(report.violations + report.asks, [])

    def test_function_length(self):
        self.assertEqual(violations("src/base/a.cc", long_function(70)).violations, [])
        self.assertEqual(len(violations("src/base/a.cc", long_function(51)).asks), 1)
        self.assert_fires("src/base/a.cc", long_function(71), "71 lines, the limit is 70")
        self.assertEqual(violations("src/kernels/matmul/a.cc", long_function(120)).violations, [])
        self.assert_fires("src/models/a.cc", long_function(121), "121 lines, the limit is 120")

    def test_file_length(self):
        self.assertEqual(len(violations("src/base/a.cc", "int a;\n" * 501).asks), 1)
        self.assert_fires("src/base/a.cc", "int a;\n" * 901, "901 lines")

    def test_parameters(self):
        six = "void f(int a, std::map<int, int> b = {1, 2}, int c, int d, int e, int g"
        self.assertEqual(violations("src/base/a.cc", six + ") {}\n").violations, [])
        self.assert_fires("src/base/a.cc", six + ", int h) {}\n", "7 parameters")
        self.assert_fires("src/base/a.cc", six + ", int h);\n", "7 parameters")

    def test_text(self):
        self.assert_fires("src/base/a.cc", "int " + "a" * 97 + ";\n", "102 columns")
        self.assert_fires("src/base/a.cc", "int a; \n", "whitespace")
        self.assert_fires("src/base/a.cc", "\tint a;\n", "a tab")
        self.assert_fires("src/base/a.cc", "// TO" "DO: later\n", "unfinished")
        self.assert_fires("src/base/a.cc", "// ------ parts\n", "banner")
        self.assert_fires("src/base/a.cc", "int a;", "no newline")

    def test_names(self):
        self.assert_fires("src/base/string_utils.cc", "int a;\n", "says nothing")
        self.assert_fires("src/common/a.cc", "int a;\n", "says nothing")
        self.assert_fires("src/base/CamelCase.cc", "int a;\n", "snake_case")
        self.assert_fires("src/base/a.cc", "void doThings() {}\n", "functions are snake_case")
        self.assert_fires("src/base/a.cc", "void DoThings() {}\n", "functions are snake_case")
        self.assert_fires("src/base/a.cc", "constexpr int limit = 3;\n", "kPascalCase")
        self.assert_fires("src/base/a.cc", "struct tensor_view {\n};\n", "PascalCase")

    def test_headers(self):
        self.assert_fires("src/base/a.h", "#pragma once\nint a;\n", "a header opens with")
        self.assert_fires("src/base/a.h", "// A header.\nint a;\n", "no #pragma once")

    def test_python(self):
        body = '"""What."""\n\n\ndef f():\n' + "    step()\n" * 70
        self.assert_fires("scripts/a.py", body, "71 lines")
        self.assert_fires("scripts/a.py", "import os\n", "docstring")
        self.assert_fires("scripts/a.py", '"""W."""\n\n\ndef f(a, b, c, d, e, g, h):\n    pass\n',
                          "7 parameters")
        self.assert_fires("scripts/a.py", "def f(:\n", "not Python")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=0))
