#include <gtest/gtest.h>

#include "api/boundary_table.h"
#include "api/error.h"
#include "api/ollama.h"

namespace hearth {
namespace {

using Texts = std::vector<std::variant<std::string, std::vector<TokenId>>>;

TEST(OllamaEmbed, EveryFieldHasItsBounds) {
  const char* good = R"({"model":"m","options":{"seed":1}})";
  EXPECT_GT(check_boundaries(ollama_embed_fields(), good), 200u);
  EXPECT_GT(check_boundaries(ollama_embeddings_fields(), good), 200u);
  EXPECT_THROW(parse_ollama_embed(R"({"model":"m","colour":1})"), FieldError);
  EXPECT_THROW(parse_ollama_embeddings(R"({"model":"m","colour":1})"), FieldError);
}

TEST(OllamaEmbed, TakesATextOrSeveral) {
  EXPECT_EQ(parse_ollama_embed(R"({"model":"m","input":"a"})").inputs, Texts{std::string("a")});
  EXPECT_EQ(parse_ollama_embed(R"({"model":"m","input":["a","b"]})").inputs,
            (Texts{std::string("a"), std::string("b")}));
  for (const char* none : {R"({"model":"m"})", R"({"model":"m","input":""})",
                           R"({"model":"m","input":[]})", R"({"model":"m","input":null})"}) {
    EXPECT_TRUE(parse_ollama_embed(none).inputs.empty()) << none;
  }
  for (const char* wrong : {R"({"model":"m","input":[1,2]})", R"({"model":"m","input":["a",""]})",
                            R"({"model":"m","input":[["a"]]})"}) {
    EXPECT_THROW(parse_ollama_embed(wrong), FieldError) << wrong;
  }
  std::string many = R"({"model":"m","input":["a")";
  for (int i = 1; i < 2048; ++i) many += R"(,"a")";
  EXPECT_EQ(parse_ollama_embed(many + "]}").inputs.size(), 2048u);
  EXPECT_THROW(parse_ollama_embed(many + R"(,"a"]})"), FieldError);
}

TEST(OllamaEmbed, ReadsTheRest) {
  const EmbedCall call = parse_ollama_embed(
      R"({"model":"m","input":"a","truncate":true,"dimensions":64,"keep_alive":"1m",
          "options":{"num_ctx":512}})");
  EXPECT_EQ(call.model, "m");
  EXPECT_TRUE(call.truncate);
  EXPECT_EQ(call.dimensions, 64u);
  EXPECT_EQ(call.keep_alive->seconds, 60);
  EXPECT_FALSE(call.base64);
  EXPECT_FALSE(parse_ollama_embed(R"({"model":"m","input":"a","dimensions":0})").dimensions);
  EXPECT_FALSE(parse_ollama_embed(R"({"model":"m","input":"a"})").truncate);
  const EmbedCall old = parse_ollama_embeddings(R"({"model":"m","prompt":"a","keep_alive":0})");
  EXPECT_EQ(old.inputs, Texts{std::string("a")});
  EXPECT_EQ(old.keep_alive->seconds, 0);
  EXPECT_TRUE(parse_ollama_embeddings(R"({"model":"m"})").inputs.empty());
}

TEST(OllamaEmbed, Replies) {
  const EmbedCall call = parse_ollama_embed(R"({"model":"smollm2","input":["a","b"]})");
  const std::vector<float> embeddings[] = {{0.25f, -1.0f}, {0.1f, 1e-20f}};
  const TokenUsage usage{.prompt_tokens = 5,
                         .cached_tokens = 0,
                         .answer_tokens = 0,
                         .context_limit = 8192,
                         .dropped_tokens = 0};
  EXPECT_EQ(ollama_embed_reply(call, embeddings, usage, {0.5, 0.25, 0, 0}),
            R"({"model":"smollm2","embeddings":[[0.25,-1],[0.1,1e-20]],"total_duration":500000000,)"
            R"("load_duration":250000000,"prompt_eval_count":5,"context_limit":8192,)"
            R"("cached_tokens":0})");
  EXPECT_EQ(ollama_embed_reply(call, {}, {}, {}),
            R"({"model":"smollm2","embeddings":[],"total_duration":0,"load_duration":0,)"
            R"("prompt_eval_count":0,"context_limit":0,"cached_tokens":0})");
  EXPECT_EQ(ollama_embeddings_reply(embeddings[0]), R"({"embedding":[0.25,-1]})");
  EXPECT_EQ(ollama_embeddings_reply({}), R"({"embedding":[]})");
}

}  // namespace
}  // namespace hearth
