#include "text/vocabulary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "text/small_vocabulary.h"

namespace hearth {
namespace {

std::optional<ErrorCode> refusal(const VocabularyData& data) {
  try {
    make_tokenizer(data);
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

TEST(Vocabulary, ByteTokensHaveExactlyTwoHexadecimalDigits) {
  EXPECT_EQ(Vocabulary::parse_byte("<0x0A>"), 10);
  EXPECT_EQ(Vocabulary::parse_byte("<0xff>"), 255);
  for (const char* bad :
       {"<0x-1>", "<0x1>", "<0x100>", "<0x 1>", "<0xG0>", "0x0A", "<0x0A", "<0x0A> ", ""}) {
    EXPECT_EQ(Vocabulary::parse_byte(bad), std::nullopt) << bad;
  }
  for (const char* bad : {"<0x-1>", "<0x1>", "byte"}) {
    SmallVocabulary small = small_sentence_piece();
    small.add(bad, kByteType);
    EXPECT_EQ(refusal(small.data), ErrorCode::kCorruptData) << bad;
  }
}

TEST(Vocabulary, SpecialIdsHaveToBeTokens) {
  for (std::size_t role = 0; role < kSpecialRoles; ++role) {
    SmallVocabulary small = small_sentence_piece();
    for (const std::uint64_t id :
         {std::uint64_t{small.data.pieces.size()}, std::uint64_t{0x80000000u},
          std::numeric_limits<std::uint64_t>::max()}) {
      small.data.special_ids[role] = id;
      EXPECT_EQ(refusal(small.data), ErrorCode::kCorruptData) << role << " " << id;
    }
    small.data.special_ids[role] = small.data.pieces.size() - 1;
    EXPECT_EQ(refusal(small.data), std::nullopt) << role;
  }
}

TEST(Vocabulary, TablesThatContradictEachOtherAreRefused) {
  SmallVocabulary small = small_sentence_piece();
  VocabularyData data = small.data;
  data.scores.pop_back();
  EXPECT_EQ(refusal(data), ErrorCode::kCorruptData);
  data = small.data;
  data.types.push_back(1);
  EXPECT_EQ(refusal(data), ErrorCode::kCorruptData);
  data = small.data;
  data.scores[5] = std::nanf("");
  EXPECT_EQ(refusal(data), ErrorCode::kCorruptData);
  data = small.data;
  data.pieces.back() = data.pieces[data.pieces.size() - 2];
  try {
    make_tokenizer(data);
    ADD_FAILURE() << "two tokens with one text";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("the same text"), std::string::npos) << error.message();
  }
  data = {};
  data.model = "llama";
  EXPECT_EQ(refusal(data), ErrorCode::kCorruptData);
  data.pieces = {"a"};  // BOS is 1 by default, and is to be added
  EXPECT_EQ(refusal(data), ErrorCode::kCorruptData);
  data.add_bos = false;
  EXPECT_EQ(refusal(data), std::nullopt);
}

TEST(Vocabulary, LimitsHaveNames) {
  SmallVocabulary small = small_sentence_piece();
  small.add(std::string(Vocabulary::kPieceBytesMax, 'x'), kNormalType);
  EXPECT_EQ(refusal(small.data), std::nullopt);
  small.add(std::string(Vocabulary::kPieceBytesMax + 1, 'x'), kNormalType);
  EXPECT_EQ(refusal(small.data), ErrorCode::kResourceExhausted);
}

TEST(Vocabulary, TypesOutsideTheListAndEmptyTextsAreNormalTokens) {
  SmallVocabulary small = small_sentence_piece();
  small.add("", kNormalType);
  small.add("", kNormalType);
  small.data.types[300 % small.data.types.size()] = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(refusal(small.data), std::nullopt);
}

TEST(Vocabulary, KnownTextsEndAnAnswerAndAreControl) {
  SmallVocabulary small = small_sentence_piece();
  const auto next = [&] { return static_cast<TokenId>(small.data.pieces.size()); };
  const TokenId im_end = next();
  small.add("<|im_end|>", kNormalType);
  const TokenId end = next();
  small.add("<|end|>", kNormalType);
  const TokenId separator = next();
  small.add("<|file_sep|>", kUserDefinedType);
  const auto tokenizer = make_tokenizer(small.data);
  for (const TokenId id : {im_end, end, separator}) {
    EXPECT_TRUE(tokenizer->ends_generation(id) && tokenizer->is_control(id)) << id;
  }
  EXPECT_TRUE(tokenizer->ends_generation(2));
  EXPECT_FALSE(tokenizer->ends_generation(1));
}

}  // namespace
}  // namespace hearth
