#include "text/special_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
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

TEST_F(SpecialTokensTest, DeepNestsAreRefused) {
  std::vector<std::string> texts;
  for (std::size_t n = 1; n <= SpecialTokens::kNestedMax + 2; ++n) texts.emplace_back(n, 'a');
  EXPECT_THROW(make(texts), Error);
}

}  // namespace
}  // namespace hearth
