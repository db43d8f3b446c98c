#include "text/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/random.h"

namespace hearth {
namespace {

using testing::ElementsAre;

std::vector<std::string> words(const PreTokenizer& pre_tokenizer, std::string_view text) {
  std::vector<std::string> out;
  std::uint32_t start = 0;
  for (const std::uint32_t end : pre_tokenizer.split(text)) {
    out.emplace_back(text.substr(start, end - start));
    start = end;
  }
  return out;
}

TEST(PreTokenizer, CutsAsEachFamilyDoes) {
  constexpr std::string_view kText = "I'Ve  don't 12345 ok\n\n x!\n";
  EXPECT_THAT(
      words(PreTokenizer("gpt-2"), kText),
      ElementsAre("I", "'", "Ve", " ", " don", "'t", " 12345", " ok", "\n\n", " x", "!", "\n"));
  EXPECT_THAT(words(PreTokenizer("smollm"), kText),
              ElementsAre("I", "'", "Ve", " ", " don", "'t", " ", "1", "2", "3", "4", "5", " ok",
                          "\n\n", " x", "!", "\n"));
  EXPECT_THAT(
      words(PreTokenizer("llama3"), kText),
      ElementsAre("I", "'Ve", " ", " don", "'t", " ", "123", "45", " ok", "\n\n", " x", "!\n"));
  EXPECT_THAT(words(PreTokenizer("qwen2"), kText),
              ElementsAre("I", "'Ve", " ", " don", "'t", " ", "1", "2", "3", "4", "5", " ok",
                          "\n\n", " x", "!\n"));
  EXPECT_THAT(words(PreTokenizer("qwen2"), "ne\u0301e"), ElementsAre("ne", "\u0301e"));
  EXPECT_THAT(words(PreTokenizer("qwen35"), "ne\u0301e"), ElementsAre("ne\u0301e"));
  EXPECT_THAT(words(PreTokenizer("deepseek-coder"), "x 漢字y  \r\n7"),
              ElementsAre("x", " ", "漢字", "y", "  ", "\r", "\n", "7"));
  EXPECT_THAT(words(PreTokenizer("falcon"), "a,b 1234"),
              ElementsAre("a", ",", "b", " ", "123", "4"));
}

TEST(PreTokenizer, WhiteSpaceIsUnicodesNotPcre2s) {
  const PreTokenizer gpt2("gpt-2");
  EXPECT_THAT(words(gpt2, "\u180E("), ElementsAre("\u180E("));
  for (const char* space : {"\u0085", "\u00A0", "\u1680", "\u2000", "\u200A", "\u2028", "\u2029",
                            "\u202F", "\u205F", "\u3000", "\v", "\f", "\r"}) {
    const std::string text = std::string(space) + space + "(";
    EXPECT_THAT(words(gpt2, text), ElementsAre(space, space, "(")) << space;
  }
}

// The digits' family is one expression here; the definition is two: every digit by itself, then
// gpt-2 over what is between digits.
TEST(PreTokenizer, DigitsApartEqualsCuttingTwice) {
  const PreTokenizer gpt2("gpt-2");
  const PreTokenizer smollm("smollm");
  const std::vector<std::string> alphabet = {" ", " ", "\n", "a", "é", "5",
                                             "٣", "½", "(",  "'", "s", "\u00A0"};
  Random random(4);
  for (int round = 0; round < 5000; ++round) {
    std::vector<std::string> expected;
    std::string text;
    std::string between;
    const auto cut = [&] {
      for (std::string& word : words(gpt2, between)) expected.push_back(std::move(word));
      between.clear();
    };
    for (std::uint64_t n = 1 + random.next() % 16; n > 0; --n) {
      const std::string& character = alphabet[random.next() % alphabet.size()];
      text += character;
      if (character == "5" || character == "٣" || character == "½") {
        cut();
        expected.push_back(character);
      } else {
        between += character;
      }
    }
    cut();
    ASSERT_EQ(words(smollm, text), expected) << text;
  }
}

TEST(PreTokenizer, EveryFamilyCoversItsTextInOrder) {
  Random random(8);
  for (const char* name :
       {"", "default", "gpt-2", "smollm", "llama-bpe", "dbrx", "qwen2", "qwen35", "deepseek-llm",
        "deepseek-coder", "command-r", "falcon", "starcoder", "refact", "mpt"}) {
    const PreTokenizer pre_tokenizer(name);
    EXPECT_TRUE(pre_tokenizer.split("").empty());
    for (int round = 0; round < 300; ++round) {
      std::string text;
      for (std::uint64_t n = 1 + random.next() % 30; n > 0; --n) {
        static const std::vector<std::string> kParts = {
            " ",       "\r\n", "ab",     "漢", "123",    "\u3000", "!?",
            "é\u0301", "'s",   "\u200D", "🙂", "\u2028", "$",      "\x01"};
        text += kParts[random.next() % kParts.size()];
      }
      std::uint32_t last = 0;
      for (const std::uint32_t end : pre_tokenizer.split(text)) {
        ASSERT_GT(end, last);
        ASSERT_NE(static_cast<unsigned char>(text[last]) & 0xC0, 0x80) << "cut inside a character";
        last = end;
      }
      ASSERT_EQ(last, text.size());
    }
  }
}

TEST(PreTokenizer, UnknownNamesAreRefusedByName) {
  try {
    PreTokenizer("gpt-7");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(error.message().find("gpt-7"), std::string::npos);
  }
}

}  // namespace
}  // namespace hearth
