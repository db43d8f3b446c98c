#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "base/error.h"
#include "base/random.h"
#include "base/utf8.h"
#include "text/small_vocabulary.h"
#include "text/tokenizer.h"

namespace hearth {
namespace {

using testing::ElementsAre;

constexpr EncodeOptions kPlain{.add_special = false, .parse_special = false};

std::vector<std::string> pieces(const Tokenizer& tokenizer, std::string_view text,
                                EncodeOptions options = kPlain) {
  std::vector<std::string> out;
  for (const TokenId id : tokenizer.encode(text, options)) out.push_back(tokenizer.piece(id, true));
  return out;
}

// The definition of BPE, quadratic: the best pair anywhere, leftmost first, until there is none.
std::vector<std::string> naive_merge(
    const std::map<std::pair<std::string, std::string>, int>& ranks, std::string_view word) {
  std::vector<std::string> symbols;
  for (const char c : word) symbols.emplace_back(1, c);
  for (;;) {
    int best = -1;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto found = ranks.find({symbols[i], symbols[i + 1]});
      if (found != ranks.end() && (best < 0 || found->second < best)) {
        best = found->second;
        at = i;
      }
    }
    if (best < 0) return symbols;
    symbols[at] += symbols[at + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(ByteBpe, MergesAsTheDefinitionSays) {
  const SmallVocabulary small = small_byte_bpe();
  const auto tokenizer = make_tokenizer(small.data);
  std::map<std::pair<std::string, std::string>, int> ranks;
  for (const std::string_view merge : small.data.merges) {
    const std::size_t space = merge.find(' ', 1);
    ranks.emplace(std::pair(merge.substr(0, space), merge.substr(space + 1)),
                  static_cast<int>(ranks.size()));
  }
  Random random(11);
  for (int round = 0; round < 3000; ++round) {
    std::string word;
    for (std::uint64_t n = 1 + random.next() % 40; n > 0; --n) word += "abd"[random.next() % 3];
    ASSERT_EQ(pieces(*tokenizer, word), naive_merge(ranks, word)) << word;
  }
}

TEST(ByteBpe, EveryByteComesBack) {
  const SmallVocabulary small = small_byte_bpe();
  const auto tokenizer = make_tokenizer(small.data);
  Random random(5);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    for (std::uint64_t n = random.next() % 24; n > 0; --n) {
      bytes += random.next() % 2 == 0 ? static_cast<char>(random.next())
                                      : " ab1\n<>é"[random.next() % 8];
    }
    std::string text;
    append_repaired_utf8(bytes, text);
    ASSERT_EQ(tokenizer->decode(tokenizer->encode(bytes, {}), false), text);
  }
}

TEST(ByteBpe, MalformedBytesBecomeReplacementCharacters) {
  const auto tokenizer = make_tokenizer(small_byte_bpe().data);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("a\xC0\x80z", kPlain), false), "a\uFFFD\uFFFDz");
  EXPECT_EQ(tokenizer->encode("\xC0\xAF", kPlain), tokenizer->encode("\uFFFD\uFFFD", kPlain));
}

TEST(ByteBpe, WhatAUserWritesNeverBecomesAControlToken) {
  // "end" is where merges lead to (gpt-2) and a word that is a token (llama-bpe ignores merges
  // then).
  for (const char* pre_tokenizer : {"gpt-2", "llama-bpe"}) {
    const auto tokenizer = make_tokenizer(small_byte_bpe(pre_tokenizer).data);
    for (const char* text : {"end", "<s>", "</s>", "a<s>b</s>"}) {
      const std::vector<TokenId> ids = tokenizer->encode(text, kPlain);
      for (const TokenId id : ids) EXPECT_FALSE(tokenizer->is_control(id)) << text;
      EXPECT_EQ(tokenizer->decode(ids, false), text);
    }
    EXPECT_THAT(pieces(*tokenizer, "a<s>b", {.add_special = false, .parse_special = true}),
                ElementsAre("a", "<s>", "b"));
  }
}

TEST(ByteBpe, UserDefinedTokensAreAlwaysFoundAndTheLongestFirst) {
  const auto tokenizer = make_tokenizer(small_byte_bpe().data);
  EXPECT_THAT(pieces(*tokenizer, "d<tool>d<tool>x"), ElementsAre("d", "<tool>", "d", "<tool>x"));
  EXPECT_THAT(pieces(*tokenizer, "<tool><tool"), ElementsAre("<tool>", "<", "t", "o", "o", "l"));
}

TEST(ByteBpe, BosAndEosByTheModelsRules) {
  SmallVocabulary small = small_byte_bpe();
  EXPECT_THAT(make_tokenizer(small.data)->encode("", {}), ElementsAre());
  small.data.add_bos = true;
  small.data.add_eos = true;
  const auto tokenizer = make_tokenizer(small.data);
  EXPECT_THAT(pieces(*tokenizer, "d", {}), ElementsAre("<s>", "d", "</s>"));
  EXPECT_THAT(pieces(*tokenizer, "", {}), ElementsAre("<s>", "</s>"));
  // A template that writes them gets no second ones.
  EXPECT_THAT(pieces(*tokenizer, "<s>d</s>", {.add_special = true, .parse_special = true}),
              ElementsAre("<s>", "d", "</s>"));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("d", {}), false), "d");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("d", {}), true), "<s>d</s>");
  EXPECT_TRUE(make_tokenizer(small_byte_bpe("llama3").data)->adds_bos());
  EXPECT_FALSE(make_tokenizer(small_byte_bpe("smollm").data)->adds_bos());
}

TEST(ByteBpe, AMegabyteOfOneLetterTakesNoQuadraticTime) {
  const auto tokenizer = make_tokenizer(small_byte_bpe().data);
  for (const char c : {'a', ' ', '\n', '<'}) {
    const auto start = std::chrono::steady_clock::now();
    const std::string text(1'000'000, c);
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, kPlain), false), text);
    // About a second with sanitizers on a busy machine; the quadratic loop takes hours.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
  }
}

TEST(ByteBpe, RefusesBadTables) {
  SmallVocabulary small = small_byte_bpe();
  const auto refused = [](const VocabularyData& data, ErrorCode code) {
    try {
      make_tokenizer(data);
    } catch (const Error& error) {
      return error.code() == code;
    }
    return false;
  };
  VocabularyData data = small.data;
  data.merges.push_back("ab");
  EXPECT_TRUE(refused(data, ErrorCode::kCorruptData));
  data.merges.back() = "ab ";
  EXPECT_TRUE(refused(data, ErrorCode::kCorruptData));
  data.merges.clear();
  EXPECT_TRUE(refused(data, ErrorCode::kCorruptData));
  data = small.data;
  data.pre_tokenizer = "from-the-future";
  EXPECT_TRUE(refused(data, ErrorCode::kUnsupported));
  data.model = "bert";
  EXPECT_TRUE(refused(data, ErrorCode::kUnsupported));
}

TEST(ByteBpe, IdsOutsideTheVocabularyAreRefused) {
  const auto tokenizer = make_tokenizer(small_byte_bpe().data);
  EXPECT_THROW(tokenizer->piece(-1, true), Error);
  EXPECT_THROW(tokenizer->piece(static_cast<TokenId>(tokenizer->size()), true), Error);
  EXPECT_FALSE(tokenizer->ends_generation(-1));
  EXPECT_FALSE(tokenizer->is_control(1 << 30));
  EXPECT_TRUE(tokenizer->ends_generation(1));
}

}  // namespace
}  // namespace hearth
