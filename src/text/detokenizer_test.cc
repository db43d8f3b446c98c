#include "text/detokenizer.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/random.h"
#include "base/utf8.h"
#include "text/small_vocabulary.h"

namespace hearth {
namespace {

constexpr TokenId kByteZero = 4;  // of small_sentence_piece

TEST(Detokenizer, NeverGivesHalfACharacter) {
  Detokenizer detokenizer(make_tokenizer(small_sentence_piece().data), std::nullopt);
  EXPECT_EQ(detokenizer.push(kByteZero + 0xF0), "");
  EXPECT_EQ(detokenizer.push(kByteZero + 0x9F), "");
  EXPECT_EQ(detokenizer.push(kByteZero + 0x99), "");
  EXPECT_EQ(detokenizer.push(kByteZero + 0x82), "\U0001F642");
  EXPECT_EQ(detokenizer.flush(), "");
}

TEST(Detokenizer, WhatCannotBecomeACharacterIsReplaced) {
  Detokenizer detokenizer(make_tokenizer(small_sentence_piece().data), std::nullopt);
  EXPECT_EQ(detokenizer.push(kByteZero + 0xE2), "");
  EXPECT_EQ(detokenizer.push(kByteZero + 'A'), "\uFFFDA");
  EXPECT_EQ(detokenizer.push(kByteZero + 0x80), "\uFFFD");
  EXPECT_EQ(detokenizer.push(kByteZero + 0xE2), "");
  EXPECT_EQ(detokenizer.push(kByteZero + 0x82), "");
  EXPECT_EQ(detokenizer.flush(), "\uFFFD");
  EXPECT_EQ(detokenizer.flush(), "");
}

TEST(Detokenizer, DropsTheTokenizersOwnSpaceOnly) {
  const auto tokenizer = make_tokenizer(small_sentence_piece().data);
  const std::vector<TokenId> ids = tokenizer->encode("ab", {.add_special = false});
  ASSERT_EQ(ids.size(), 1U);
  EXPECT_EQ(Detokenizer(tokenizer, std::nullopt).push(ids[0]), "ab");
  EXPECT_EQ(Detokenizer(tokenizer, *tokenizer->bos()).push(ids[0]), "ab");
  EXPECT_EQ(Detokenizer(tokenizer, ids[0]).push(ids[0]), " ab");
}

TEST(Detokenizer, ControlTokensGiveTextOnlyWhenAsked) {
  const auto tokenizer = make_tokenizer(small_byte_bpe().data);
  EXPECT_EQ(Detokenizer(tokenizer, std::nullopt).push(1), "");
  EXPECT_EQ(Detokenizer(tokenizer, std::nullopt, true).push(1), "</s>");
  EXPECT_THROW(Detokenizer(tokenizer, std::nullopt).push(100'000), Error);
}

TEST(Detokenizer, PartsAddUpToTheRepairedWhole) {
  Random random(6);
  for (const auto& tokenizer :
       {make_tokenizer(small_sentence_piece().data), make_tokenizer(small_byte_bpe().data)}) {
    for (int round = 0; round < 3000; ++round) {
      std::vector<TokenId> ids;
      for (std::uint64_t n = random.next() % 12; n > 0; --n) {
        ids.push_back(static_cast<TokenId>(random.next() % tokenizer->size()));
      }
      Detokenizer detokenizer(tokenizer, std::nullopt);
      std::string text;
      for (const TokenId id : ids) {
        const std::string part = detokenizer.push(id);
        ASSERT_EQ(valid_utf8_prefix(part), part.size());
        text += part;
      }
      std::string whole;
      append_repaired_utf8(tokenizer->decode(ids, false), whole);
      ASSERT_EQ(text + detokenizer.flush(), whole);
    }
  }
}

}  // namespace
}  // namespace hearth
