#include "host/answer_text.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "format/gguf.h"

namespace hearth {
namespace {

std::string all(AnswerText& text, const std::vector<TokenId>& ids, bool* ended) {
  std::string out;
  for (const TokenId id : ids) {
    const AnswerText::Step step = text.push(id);
    out += step.text;
    *ended = step.ends;
    if (step.ends) break;
  }
  return out + text.flush();
}

TEST(AnswerText, EndsAtAStopTextOrTheEndOfTurn) {
  const char* path = std::getenv("HEARTH_TEST_MODEL_SMOLLM2");
  ASSERT_NE(path, nullptr) << "HEARTH_TEST_MODEL_SMOLLM2 must name SmolLM2's GGUF file";
  const auto tokenizer = Tokenizer::load(Gguf::open(path).metadata());
  std::vector<TokenId> ids = tokenizer->encode("One two three. Four", {.add_special = false});
  bool ended = false;
  AnswerText plain(tokenizer, {}, false);
  EXPECT_EQ(all(plain, ids, &ended), "One two three. Four");
  EXPECT_FALSE(ended);
  AnswerText stops(tokenizer, {"xyz", "hree."}, false);
  EXPECT_EQ(all(stops, ids, &ended), "One two t");
  EXPECT_TRUE(ended);
  EXPECT_EQ(stops.stop(), std::optional<std::size_t>(1));
  ids.insert(ids.begin() + 2, *tokenizer->eos());
  AnswerText eos(tokenizer, {}, false);
  all(eos, ids, &ended);
  EXPECT_TRUE(ended);
  EXPECT_FALSE(eos.stop().has_value());
  AnswerText through(tokenizer, {}, true);
  EXPECT_EQ(all(through, ids, &ended), "One two three. Four");
}

}  // namespace
}  // namespace hearth
