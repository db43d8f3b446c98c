#include "api/openapi.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/anthropic.h"
#include "api/openai.h"

namespace hearth {
namespace {

using nlohmann::json;

TEST(OpenApi, DescribesEveryRoute) {
  const ApiRoute routes[] = {
      {.method = "POST",
       .path = "/v1/chat/completions",
       .summary = "Answers.",
       .fields = openai_chat_fields(),
       .permission = "generate",
       .streams = true},
      {.method = "GET",
       .path = "/v1/models/{model}",
       .summary = "One model.",
       .fields = {},
       .permission = "read"},
      {.method = "POST",
       .path = "/api/chat",
       .summary = "Answers.",
       .fields = anthropic_count_fields(),
       .permission = "generate",
       .streams = true},
      {.method = "HEAD",
       .path = "/api/chat",
       .summary = "Nothing.",
       .fields = {},
       .permission = "none"},
  };
  const json document = json::parse(openapi_document(routes));
  EXPECT_EQ(document["openapi"], "3.1.0");
  ASSERT_EQ(document["paths"].size(), 3U);

  const json& chat = document["paths"]["/v1/chat/completions"]["post"];
  EXPECT_EQ(chat["operationId"], "post_v1_chat_completions");
  EXPECT_EQ(chat["description"], "Permission: generate.");
  EXPECT_EQ(chat["requestBody"]["content"]["application/json"]["schema"],
            schema_of(openai_chat_fields()));
  EXPECT_TRUE(chat["responses"]["200"]["content"].contains("text/event-stream"));
  EXPECT_FALSE(chat.contains("parameters"));

  const json& model = document["paths"]["/v1/models/{model}"]["get"];
  EXPECT_EQ(model["operationId"], "get_v1_models_model");
  EXPECT_FALSE(model.contains("requestBody"));
  EXPECT_EQ(model["parameters"].dump(),
            R"([{"in":"path","name":"model","required":true,"schema":{"type":"string"}}])");
  EXPECT_EQ(model["responses"]["200"]["content"].size(), 1U);

  const json& lines = document["paths"]["/api/chat"];
  EXPECT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines["post"]["responses"]["200"]["content"].contains("application/x-ndjson"));
}

}  // namespace
}  // namespace hearth
