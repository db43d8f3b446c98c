#include "base/utf8.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace hearth {
namespace {

std::string repaired(std::string_view bytes) {
  std::string out;
  append_repaired_utf8(bytes, out);
  return out;
}

// The straightforward encoder, for comparison: all code points but surrogates.
std::string encoded(std::uint32_t c) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0)};
}

TEST(Utf8, EveryCodePointIsACharacterAndSurrogatesAreNot) {
  for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) {
    const std::string text = encoded(c);
    const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    ASSERT_EQ(valid_utf8_prefix(text), surrogate ? 0 : text.size()) << c;
  }
  EXPECT_EQ(valid_utf8_prefix(encoded(0x110000)), 0U);
}

// Expected values: Python's bytes.decode("utf-8", "replace").
TEST(Utf8, MalformedPartsBecomeOneReplacementEach) {
  const std::string r(kReplacementCharacter);
  EXPECT_EQ(repaired("a\x80z"), "a" + r + "z");
  EXPECT_EQ(repaired("\xC0\x80"), r + r);          // overlong NUL
  EXPECT_EQ(repaired("\xE0\x80\xAF"), r + r + r);  // overlong slash
  EXPECT_EQ(repaired("\xF0\x80\x80\xAF"), r + r + r + r);
  EXPECT_EQ(repaired("\xED\xA0\x80"), r + r + r);  // a surrogate
  EXPECT_EQ(repaired("\xF4\x90\x80\x80"), r + r + r + r);
  EXPECT_EQ(repaired("\xE2\x82"
                     "A"),
            r + "A");  // cut short: one for the part
  EXPECT_EQ(repaired("\xF0\x9F\x99"), r);
  EXPECT_EQ(repaired("\xFF\xFE"
                     "b"),
            r + r + "b");
}

TEST(Utf8, TheFastPathOverAsciiSeesWhatIsAfterIt) {
  for (std::size_t before = 0; before < 20; ++before) {
    const std::string ascii(before, 'x');
    EXPECT_EQ(valid_utf8_prefix(ascii + "\xFF" + "0123456789"), before);
    EXPECT_EQ(valid_utf8_prefix(ascii + "é"), before + 2);
    EXPECT_EQ(valid_utf8_prefix(ascii + "\xC3"), before);
  }
}

TEST(Utf8, RepairedBytesAreAlwaysWellFormed) {
  Random random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes;
    for (std::uint64_t n = random.next() % 9; n > 0; --n) {
      bytes += static_cast<char>(random.next() % 4 == 0 ? random.next() : 0x80 | random.next());
    }
    const std::string text = repaired(bytes);
    ASSERT_EQ(valid_utf8_prefix(text), text.size());
  }
}

}  // namespace
}  // namespace hearth
