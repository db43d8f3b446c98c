#include "text/special_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "text/small_vocabulary.h"

namespace hearth {
namespace {

using testing::ElementsAre;

// A vocabulary of the given user-defined tokens, after small_byte_bpe's.
class SpecialTokensTest : public testing::Test {
 protected:
  void make(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) small_.add(text, kUserDefinedType);
    vocabulary_.emplace(small_.data, Vocabulary::Defaults{});
    specials_.emplace(*vocabulary_);
  }

  std::vector<std::string> split(const std::string& text) const {
    std::vector<std::string> parts;
    for (const Fragment& fragment : specials_->split(text, true)) {
      const std::string part = text.substr(fragment.begin, fragment.end - fragment.begin);
      parts.push_back(fragment.token ? "[" + part + "]" : part);
    }
    return parts;
  }

  SmallVocabulary small_ = small_byte_bpe();
  std::optional<Vocabulary> vocabulary_;
  std::optional<SpecialTokens> specials_;
};

TEST_F(SpecialTokensTest, LongerOnesWinWhereverTheyOverlap) {
  make({"xy", "yzz", "zzww", "ww"});
  EXPECT_THAT(split("axyzzwwb"), ElementsAre("a", "[xy]", "[zzww]", "b"));
  EXPECT_THAT(split("xyzz"), ElementsAre("x", "[yzz]"));
  EXPECT_THAT(split("xyxy"), ElementsAre("[xy]", "[xy]"));
  EXPECT_THAT(split("wwwww"), ElementsAre("[ww]", "[ww]", "w"));
  EXPECT_THAT(split("<tool><tool>x"), ElementsAre("[<tool>]", "[<tool>x]"));
  EXPECT_THAT(split(""), ElementsAre());
}

TEST_F(SpecialTokensTest, ManyTokensInALongTextTakeNoProductOfBoth) {
  std::vector<std::string> texts;
  std::string text;
  for (char a = 'a'; a <= 'z'; ++a) {
    for (char b = 'a'; b <= 'z'; ++b) {
      for (char c = 'a'; c <= 'z'; ++c) texts.push_back({'<', a, b, c});
    }
  }
  make(texts);
  while (text.size() < (std::size_t{1} << 20)) {
    for (const std::string& one : texts) text += one;
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(specials_->split(text, true).size(), text.size() / 4);
  // One by one, 17,576 tokens took 7 s for a tenth of this text.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST_F(SpecialTokensTest, TokensThatMakeEveryTextSlowAreRefused) {
  EXPECT_THROW(make({std::string(SpecialTokens::kTokenBytesMax + 1, 'a')}), Error);
}

TEST_F(SpecialTokensTest, RunsOfOneCharacterTakeNoProductOfLengths) {
  std::vector<std::string> texts;
  for (std::size_t n = 2; n <= 400; ++n) texts.emplace_back(n, 'x');
  make(texts);
  const std::string text((std::size_t{1} << 20) + 7, 'x');
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(specials_->split(text, true).size(), (text.size() + 399) / 400);
  // A list of every token at every place would have 400 million entries.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

// The definition, token by token: each takes what is left, leftmost first.
TEST_F(SpecialTokensTest, SplitsAsTheDefinitionDoes) {
  const std::vector<std::string> texts = {"xy", "xyx", "yy", "yxy", "yyxx", "zx", "zxy"};
  make(texts);
  std::vector<std::string> order = texts;
  std::ranges::stable_sort(order, std::greater<>(), &std::string::size);
  std::uint32_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 24; ++i) text += "xyzw"[(state = state * 1664525 + 1013904223) >> 30];
    std::string marks(text.size(), '.');  // '[' begins a token, '-' goes on with it
    for (const std::string& token : order) {
      for (std::size_t at = 0; (at = text.find(token, at)) != std::string::npos; ++at) {
        if (marks.find_first_not_of('.', at) < at + token.size()) continue;
        marks.replace(at, token.size(), "[" + std::string(token.size() - 1, '-'));
      }
    }
    std::string got(text.size(), '.');
    for (const Fragment& part : specials_->split(text, true)) {
      if (!part.token) continue;
      got.replace(part.begin, part.end - part.begin,
                  "[" + std::string(part.end - part.begin - 1, '-'));
    }
    ASSERT_EQ(got, marks) << text;
  }
}

}  // namespace
}  // namespace hearth
