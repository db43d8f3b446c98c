#!/usr/bin/env python3
"""check_layers.py against small trees: each rule seen to fire, and lower floors to be allowed."""

import sys
import tempfile
import unittest
from pathlib import Path

import check_layers


class Layers(unittest.TestCase):
    def check(self, path, line, *others):
        """The messages for root/path holding `line`, in a tree that also has `others`."""
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            for name in (path, *others):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text("// empty\n")
            (root / path).write_text(f"// what it is\n{line}\n")
            return [message for _, message in check_layers.check_file(Path(path), root)]

    def assert_fires(self, words, path, line, *others):
        found = self.check(path, line, *others)
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])

    def test_lower_floors_and_the_room_itself(self):
        self.assertEqual(self.check("src/nn/a.cc", '#include "base/e.h"', "src/base/e.h"), [])
        self.assertEqual(self.check("src/nn/a.cc", '#include "nn/b.h"', "src/nn/b.h"), [])
        self.assertEqual(self.check("apps/hearth/a.cc", '#include "hearth.h"', "src/hearth.h"), [])
        self.assertEqual(self.check("src/hearth.cc", '#include "host/h.h"', "src/host/h.h"), [])
        self.assertEqual(self.check("src/nn/a.cc", "#include <vector>"), [])

    def test_higher_and_same_floor(self):
        self.assert_fires("higher", "src/base/a.cc", '#include "nn/n.h"', "src/nn/n.h")
        self.assert_fires("same", "src/text/a.cc", '#include "device/d.h"', "src/device/d.h")
        self.assert_fires("higher", "src/engine/a.cc", '#include "hearth.h"', "src/hearth.h")

    def test_unknown_rooms(self):
        self.assert_fires("no floor", "src/cellar/a.cc", "int a;")
        self.assert_fires("no floor", "src/nn/a.cc", '#include "cellar/c.h"', "src/cellar/c.h")

    def test_paths_are_relative_to_src(self):
        self.assert_fires("relative to src", "src/nn/a.cc", '#include "b.h"', "src/nn/b.h")
        self.assert_fires("no such file", "src/nn/a.cc", '#include "nn/gone.h"')

    def test_generated_headers_belong_to_their_template(self):
        made = ('#include "made.h"', "src/store/made.h.in")
        self.assertEqual(self.check("src/store/a.cc", *made), [])
        self.assert_fires("same", "src/text/a.cc", *made)

    def test_tests_may_share_what_stands_in_tests(self):
        shared = ('#include "tests/small.h"', "tests/small.h")
        self.assertEqual(self.check("src/text/a_test.cc", *shared), [])
        self.assert_fires("no such file", "src/text/a.cc", *shared)
        self.assert_fires("no such file", "src/text/a_test.cc", '#include "tests/gone.h"')

    def test_libraries(self):
        self.assert_fires("belongs to net", "src/store/a.cc", "#include <curl/curl.h>")
        self.assertEqual(self.check("src/net/a.cc", "#include <curl/curl.h>"), [])
        self.assert_fires("in a header", "src/net/a.h", "#include <nlohmann/json.hpp>")
        self.assertEqual(self.check("src/net/a.h", "#include <nlohmann/json_fwd.hpp>"), [])

    def test_operating_systems(self):
        self.assert_fires("platform", "src/base/a.cc", "#if defined(__linux__)")
        self.assertEqual(self.check("src/platform/a.cc", "#ifdef __linux__"), [])


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=0))
