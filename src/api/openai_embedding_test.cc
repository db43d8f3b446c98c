#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "api/boundary_table.h"
#include "api/error.h"
#include "api/openai.h"

namespace hearth {
namespace {

EmbedCall parse(const std::string& fields) {
  return parse_openai_embedding(R"({"model":"m",)" + fields + "}");
}

std::string refusal(const std::string& fields) {
  try {
    parse(fields);
    return "";
  } catch (const FieldError& error) {
    return error.field() + "|" + error.message();
  }
}

TEST(OpenAiEmbedding, ReadsEveryFormOfInput) {
  const EmbedCall texts = parse(R"("input":["a","b"],"dimensions":8,"encoding_format":"base64")");
  ASSERT_EQ(texts.inputs.size(), 2U);
  EXPECT_EQ(std::get<std::string>(texts.inputs[1]), "b");
  EXPECT_EQ(texts.dimensions, 8U);
  EXPECT_TRUE(texts.base64);
  EXPECT_FALSE(texts.truncate);
  const EmbedCall tokens = parse(R"("input":[1,2],"encoding_format":"float")");
  ASSERT_EQ(tokens.inputs.size(), 1U);
  EXPECT_EQ(std::get<std::vector<TokenId>>(tokens.inputs[0]), (std::vector<TokenId>{1, 2}));
  EXPECT_FALSE(tokens.base64);
  EXPECT_EQ(parse(R"("input":[[1],[2,3]])").inputs.size(), 2U);
  EXPECT_EQ(std::get<std::string>(parse(R"("input":"x")").inputs.at(0)), "x");
}

TEST(OpenAiEmbedding, SaysWhatIsWrong) {
  std::string many = R"("input":["a")";
  for (int i = 1; i < 2049; ++i) many += R"(,"a")";
  const std::pair<std::string, const char*> cases[] = {
      {R"("user":"u")",
       "input|input is missing, must be a string of 1 to 33554432 bytes or an array of 1 to "
       "33554432 members"},
      {R"("input":["a",""])", "input[1]|input[1] is empty: leave it out"},
      {R"("input":"a","encoding_format":"int8")",
       "encoding_format|encoding_format is 'int8', must be 'float' or 'base64'"},
      {many + "]", "input|input must be at most 2048 entries"},
  };
  for (const auto& [fields, message] : cases) EXPECT_EQ(refusal(fields), message);
}

TEST(OpenAiEmbedding, RepliesInFloats) {
  EmbedCall call;
  call.model = "m";
  const std::vector<std::vector<float>> embeddings = {
      {0.1f, -1.0f, 1e-7f}, {0.0f, std::numeric_limits<float>::infinity()}};
  const TokenUsage usage{.prompt_tokens = 5, .context_limit = 64};
  EXPECT_EQ(openai_embedding_reply(call, embeddings, usage),
            R"({"object":"list","data":[)"
            R"({"object":"embedding","index":0,"embedding":[0.1,-1,1e-07]},)"
            R"({"object":"embedding","index":1,"embedding":[0,null]}],)"
            R"("model":"m","usage":{"prompt_tokens":5,"total_tokens":5,"context_limit":64}})");
}

// Python: base64.b64encode(struct.pack("<3f", 0.1, -1, 1e-7)), and with one and two floats, whose
// 4 and 8 bytes end in "==" and "=".
TEST(OpenAiEmbedding, RepliesInBase64) {
  EmbedCall call;
  call.model = "m";
  call.base64 = true;
  const std::vector<std::vector<float>> embeddings = {{0.1f, -1.0f, 1e-7f}, {0.1f}, {0.1f, -1.0f}};
  const std::string reply = openai_embedding_reply(call, embeddings, {});
  const nlohmann::json json = nlohmann::json::parse(reply);
  EXPECT_EQ(json["data"][0]["embedding"], "zczMPQAAgL+Vv9Yz");
  EXPECT_EQ(json["data"][1]["embedding"], "zczMPQ==");
  EXPECT_EQ(json["data"][2]["embedding"], "zczMPQAAgL8=");
}

TEST(OpenAiEmbedding, HoldsEveryLimit) {
  EXPECT_GT(check_boundaries(openai_embedding_fields(), R"({"model":"m","input":"a"})"), 40U);
}

TEST(OpenAiModels, ListsThem) {
  ModelEntry model;
  model.name = "smollm2:135m";
  model.modified_unix_s = 1700000000;
  const std::string one = R"({"id":"smollm2:135m","object":"model","created":1700000000,)"
                          R"("owned_by":"library"})";
  EXPECT_EQ(openai_model_reply(model), one);
  EXPECT_EQ(openai_models_reply(std::vector<ModelEntry>{model, model}),
            R"({"object":"list","data":[)" + one + "," + one + "]}");
  EXPECT_EQ(openai_models_reply({}), R"({"object":"list","data":[]})");
}

}  // namespace
}  // namespace hearth
