#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/error.h"
#include "base/random.h"
#include "text/small_vocabulary.h"
#include "text/tokenizer.h"

namespace hearth {
namespace {

using testing::ElementsAre;

constexpr EncodeOptions kPlain{.add_special = false, .parse_special = false};

std::vector<std::string> texts(const SmallVocabulary& small, const std::vector<TokenId>& ids) {
  std::vector<std::string> out;
  for (const TokenId id : ids) out.emplace_back(small.data.pieces[static_cast<std::size_t>(id)]);
  return out;
}

// The definition, quadratic: of all adjacent pairs that are a piece, the highest score, leftmost
// first.
std::vector<std::string> naive_merge(const SmallVocabulary& small,
                                     std::vector<std::string> symbols) {
  const auto score = [&](const std::string& text) -> std::optional<float> {
    for (std::size_t i = 0; i < small.data.pieces.size(); ++i) {
      if (small.data.types[i] == kNormalType && small.data.pieces[i] == text)
        return small.data.scores[i];
    }
    return std::nullopt;
  };
  for (;;) {
    std::optional<float> best;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const std::optional<float> here = score(symbols[i] + symbols[i + 1]);
      if (here && (!best || *here > *best)) {
        best = here;
        at = i;
      }
    }
    if (!best) return symbols;
    symbols[at] += symbols[at + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(SentencePiece, MergesAsTheDefinitionSays) {
  SmallVocabulary small = small_sentence_piece();
  small.data.add_space_prefix = false;
  const auto tokenizer = make_tokenizer(small.data);
  Random random(2);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    std::vector<std::string> symbols;
    for (std::uint64_t n = 1 + random.next() % 30; n > 0; --n) {
      text += "aabc "[random.next() % 5];
      symbols.push_back(text.back() == ' ' ? "\u2581" : std::string(1, text.back()));
    }
    ASSERT_EQ(texts(small, tokenizer->encode(text, kPlain)), naive_merge(small, symbols)) << text;
  }
}

TEST(SentencePiece, SpacePrefixAtTheStartAndAfterSpecialTokens) {
  const SmallVocabulary small = small_sentence_piece();
  const auto tokenizer = make_tokenizer(small.data);
  EXPECT_THAT(texts(small, tokenizer->encode("ab<tool>ab", {})),
              ElementsAre("<s>", "\u2581ab", "<tool>", "\u2581ab"));
  EXPECT_THAT(texts(small, tokenizer->encode("", {})), ElementsAre("<s>"));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("ab<tool>ab", {}), false), "ab<tool>ab");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("  ab", {}), false), "  ab");
}

TEST(SentencePiece, WhatHasNoPieceIsWrittenAsBytes) {
  const SmallVocabulary small = small_sentence_piece();
  const auto tokenizer = make_tokenizer(small.data);
  EXPECT_THAT(texts(small, tokenizer->encode("aü", kPlain)),
              ElementsAre("\u2581a", "<0xC3>", "<0xBC>"));
  // Overlong and cut characters are not decoded, and do not take their neighbours along.
  EXPECT_THAT(texts(small, tokenizer->encode("\xC0\x80", kPlain)),
              ElementsAre("\u2581", "<0xC0>", "<0x80>"));
  EXPECT_THAT(texts(small, tokenizer->encode("\xE2"
                                             "ab",
                                             kPlain)),
              ElementsAre("\u2581", "<0xE2>", "ab"));
}

TEST(SentencePiece, WhatAUserWritesNeverBecomesASpecialToken) {
  const SmallVocabulary small = small_sentence_piece();
  const auto tokenizer = make_tokenizer(small.data);
  EXPECT_THAT(texts(small, tokenizer->encode("<s>", kPlain)), ElementsAre("\u2581", "<s", ">"));
  EXPECT_THAT(tokenizer->encode("<s>", {.add_special = false, .parse_special = true}),
              ElementsAre(1));
  for (const TokenId id : tokenizer->encode("<0x0A><unk></s>", kPlain)) EXPECT_GE(id, 4);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("<0x0A><unk>", kPlain), false), "<0x0A><unk>");
}

TEST(SentencePiece, EveryByteComesBack) {
  const SmallVocabulary small = small_sentence_piece();
  const auto tokenizer = make_tokenizer(small.data);
  Random random(9);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    for (std::uint64_t n = random.next() % 24; n > 0; --n) {
      bytes +=
          random.next() % 2 == 0 ? static_cast<char>(random.next()) : " ab\n"[random.next() % 4];
    }
    if (bytes.find("\u2581") != std::string::npos) continue;  // comes back as a space
    ASSERT_EQ(tokenizer->decode(tokenizer->encode(bytes, {}), false), bytes);
  }
}

TEST(SentencePiece, PhiThreesTokensTakeTheWhiteSpaceAfterThem) {
  SmallVocabulary small = small_sentence_piece();
  small.data.model_name = "Phi-3 mini";
  small.add("<|user|>", kUserDefinedType);
  EXPECT_THAT(texts(small, make_tokenizer(small.data)->encode("<|user|> \n ab", kPlain)),
              ElementsAre("<|user|>", "\u2581ab"));
  small.data.model_name = "other";
  EXPECT_THAT(texts(small, make_tokenizer(small.data)->encode("<|user|> ab", kPlain)),
              ElementsAre("<|user|>", "\u2581", "\u2581ab"));
}

TEST(SentencePiece, AMegabyteOfOneLetterTakesNoQuadraticTime) {
  const SmallVocabulary small = small_sentence_piece();
  const auto tokenizer = make_tokenizer(small.data);
  for (const char c : {'a', ' ', '\n'}) {
    const auto start = std::chrono::steady_clock::now();
    const std::string text(1'000'000, c);
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, kPlain), false), text);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
  }
}

}  // namespace
}  // namespace hearth
