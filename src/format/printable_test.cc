#include "format/printable.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(Printable, TextStays) {
  EXPECT_EQ(printable("blk.0.attn_q.weight", 100), "blk.0.attn_q.weight");
  EXPECT_EQ(printable("Grüße 日本 🦙", 100), "Grüße 日本 🦙");
  EXPECT_EQ(printable("", 0), "");
}

TEST(Printable, NothingSteersTheTerminal) {
  EXPECT_EQ(printable("\x1b[2J\x07\x7f", 100), "\\x1b[2J\\x07\\x7f");
  EXPECT_EQ(printable("a\nb\rc\td", 100), "a\\nb\\rc\\td");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m",
                      100),
            "\\xc2\\x9b31m");  // U+009B is CSI
  EXPECT_EQ(printable(std::string_view("a\0b", 3), 100), "a\\x00b");
}

TEST(Printable, WhatIsNotUtf8IsEscaped) {
  EXPECT_EQ(printable("\xff", 100), "\\xff");
  EXPECT_EQ(printable("\xc0\xaf", 100), "\\xc0\\xaf");                    // overlong '/'
  EXPECT_EQ(printable("\xe0\x80\xaf", 100), "\\xe0\\x80\\xaf");           // overlong
  EXPECT_EQ(printable("\xf0\x80\x80\xaf", 100), "\\xf0\\x80\\x80\\xaf");  // overlong
  EXPECT_EQ(printable("\xed\xa0\x80", 100), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80", 100), "\\xf4\\x90\\x80\\x80");  // U+110000
  EXPECT_EQ(printable("\xe6\x97", 100), "\\xe6\\x97");                    // cut off
  EXPECT_EQ(printable("\xe6\x41", 100), "\\xe6\x41");
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(printable("abcdef", 3), "abc…");
  EXPECT_EQ(printable("abc", 3), "abc");
  EXPECT_EQ(printable("日本語", 4), "日本…");
  EXPECT_EQ(printable_quoted(std::string(200, 'a')), "'" + std::string(80, 'a') + "…'");
}

}  // namespace
}  // namespace hearth
