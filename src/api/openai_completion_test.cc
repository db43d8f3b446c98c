#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/boundary_table.h"
#include "api/error.h"
#include "api/openai.h"

namespace hearth {
namespace {

GenerateCall parse(const std::string& fields) {
  return parse_openai_completion(R"({"model":"m",)" + fields + "}");
}

std::string refusal(const std::string& fields) {
  try {
    parse(fields);
    return "";
  } catch (const FieldError& error) {
    return error.field() + "|" + error.message();
  }
}

TEST(OpenAiCompletion, ReadsEveryFormOfPrompt) {
  const GenerateCall one = parse(R"("prompt":"<s>a")");
  ASSERT_EQ(one.prompts.size(), 1U);
  const RawText& text = std::get<RawText>(one.prompts[0]);
  EXPECT_EQ(text.text, "<s>a");
  EXPECT_TRUE(text.add_special && text.parse_special);

  const GenerateCall texts = parse(R"("prompt":["a",""])");
  ASSERT_EQ(texts.prompts.size(), 2U);
  EXPECT_EQ(std::get<RawText>(texts.prompts[1]).text, "");

  const GenerateCall tokens = parse(R"("prompt":[5,0,2147483647])");
  ASSERT_EQ(tokens.prompts.size(), 1U);
  EXPECT_EQ(std::get<std::vector<TokenId>>(tokens.prompts[0]),
            (std::vector<TokenId>{5, 0, 2147483647}));

  const GenerateCall lists = parse(R"("prompt":[[1,2],[3]])");
  ASSERT_EQ(lists.prompts.size(), 2U);
  EXPECT_EQ(std::get<std::vector<TokenId>>(lists.prompts[1]), std::vector<TokenId>{3});

  const GenerateCall absent = parse(R"("prompt":null)");
  ASSERT_EQ(absent.prompts.size(), 1U);
  EXPECT_EQ(std::get<RawText>(absent.prompts[0]).text, "");
}

TEST(OpenAiCompletion, ReadsItsOwnFields) {
  const GenerateCall call = parse(
      R"("prompt":"a","suffix":"z","echo":true,"logprobs":5,"n":2,"best_of":2,"max_tokens":0)");
  EXPECT_EQ(call.suffix, "z");
  EXPECT_TRUE(call.echo);
  EXPECT_EQ(call.top_logprobs, 5U);
  EXPECT_EQ(call.n, 2U);
  EXPECT_EQ(call.max_tokens, 0U);
  const GenerateCall plain = parse(R"("prompt":"a","suffix":"")");
  EXPECT_EQ(plain.suffix, std::nullopt);
  EXPECT_EQ(plain.top_logprobs, std::nullopt);
  EXPECT_EQ(parse(R"("prompt":"a","logprobs":0)").top_logprobs, 0U);
}

TEST(OpenAiCompletion, SaysWhatIsWrong) {
  std::string many = R"("prompt":["")";
  for (int i = 1; i < 65; ++i) many += R"(,"")";
  const std::pair<std::string, const char*> cases[] = {
      {R"("prompt":[])", "prompt|prompt must be an array of one token or more"},
      {R"("prompt":[[1],[]])", "prompt[1]|prompt[1] must be an array of one token or more"},
      {R"("prompt":["a",1])", "prompt[1]|prompt[1] must be a string, as the first is"},
      {R"("prompt":[1,"a"])",
       "prompt[1]|prompt[1] must be a token id: an integer from 0 to 2147483647"},
      {R"("prompt":[[1],"a"])", "prompt[1]|prompt[1] must be an array of tokens, as the first is"},
      {R"("prompt":[{}])",
       "prompt[0]|prompt[0] must be a string, a token id or an array of token ids"},
      {R"("prompt":[-1])",
       "prompt[0]|prompt[0] must be a token id: an integer from 0 to 2147483647"},
      {R"("prompt":[[1,2147483648]])",
       "prompt[0][1]|prompt[0][1] must be a token id: an integer from 0 to 2147483647"},
      {R"("prompt":[1.5])",
       "prompt[0]|prompt[0] must be a token id: an integer from 0 to 2147483647"},
      {many + "]", "prompt|prompt must be at most 64 entries"},
      {R"("prompt":["a","b","c","d","e"],"n":16)",
       "n|n is 16 for 5 prompts, 80 answers; at most 64 are given at once"},
      {R"("prompt":"a","best_of":2)",
       "best_of|best_of is 2, must be as n is, 1: choosing is not served yet"},
      {R"("prompt":"a","messages":[])", "messages|unknown field 'messages': leave it out"},
  };
  for (const auto& [fields, message] : cases) EXPECT_EQ(refusal(fields), message) << fields;
}

TEST(OpenAiCompletion, HoldsEveryLimit) {
  EXPECT_GT(check_boundaries(openai_completion_fields(), R"({"model":"m","stream_options":{}})"),
            200U);
}

}  // namespace
}  // namespace hearth
