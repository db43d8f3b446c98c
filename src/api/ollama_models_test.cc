#include <gtest/gtest.h>

#include "api/boundary_table.h"
#include "api/error.h"
#include "api/ollama.h"
#include "api/ollama_request.h"

namespace hearth {
namespace {

template <class Call>
std::string refusal(Call parse, const std::string& body) {
  try {
    parse(body);
    return "";
  } catch (const FieldError& error) {
    return error.field() + ": " + error.message();
  }
}

const std::string hex(64, 'a');

TEST(OllamaModels, EveryFieldHasItsBounds) {
  EXPECT_GT(check_boundaries(ollama_model_fields(), R"({"model":"m"})"), 30u);
  EXPECT_GT(check_boundaries(ollama_pull_fields(), R"({"model":"m"})"), 30u);
  EXPECT_GT(check_boundaries(ollama_copy_fields(), R"({"source":"a","destination":"b"})"), 15u);
  EXPECT_GT(check_boundaries(ollama_create_fields(),
                             R"({"model":"m","parameters":{"seed":1},"messages":[{"role":"user",
                                 "tool_calls":[{"function":{"name":"f"}}]}]})"),
            300u);
  for (const char* body : {R"({"model":"m","colour":1})", R"({"source":"a","destination":""})"}) {
    EXPECT_NE(refusal(parse_ollama_model, body), "");
    EXPECT_NE(refusal(parse_ollama_pull, body), "");
    EXPECT_NE(refusal(parse_ollama_copy, body), "");
    EXPECT_NE(refusal(parse_ollama_create, body), "");
  }
}

TEST(OllamaModels, ModelOrNameIsWanted) {
  EXPECT_EQ(parse_ollama_model(R"({"name":"a"})").model, "a");
  EXPECT_EQ(parse_ollama_model(R"({"model":"b","name":"a","verbose":true})").model, "b");
  EXPECT_TRUE(parse_ollama_model(R"({"model":"b","verbose":true})").verbose);
  EXPECT_EQ(refusal(parse_ollama_model, R"({"model":""})"),
            "model: model is missing: send the name of a model");
  EXPECT_EQ(parse_ollama_pull(R"({"name":"a","insecure":false,"stream":false})").stream, false);
  EXPECT_TRUE(parse_ollama_pull(R"({"model":"a"})").stream);
  EXPECT_NE(refusal(parse_ollama_pull, R"({"model":"a","insecure":true})"), "");
  EXPECT_EQ(parse_ollama_copy(R"({"source":"a","destination":"b"})").destination, "b");
}

TEST(OllamaModels, CreateFromAModel) {
  const OllamaCreateCall call = parse_ollama_create(R"({"model":"mario","from":"smollm2",
    "system":"You are Mario.","template":"{{ messages[0].content }}","license":["MIT","as it is"],
    "parameters":{"temperature":0.5,"stop":["a","b"],"top_k":3,"seed":null},
    "messages":[{"role":"user","content":"Hi"}],"stream":false,"quantize":"","adapters":{}})");
  EXPECT_EQ(call.model + "/" + call.from, "mario/smollm2");
  EXPECT_EQ(call.system, "You are Mario.");
  EXPECT_EQ(call.chat_template, "{{ messages[0].content }}");
  EXPECT_EQ(call.licence, "MIT\nas it is");
  EXPECT_EQ(
      call.parameters,
      (OllamaParameters{{"temperature", "0.5"}, {"top_k", "3"}, {"stop", "a"}, {"stop", "b"}}));
  ASSERT_EQ(call.messages.size(), 1u);
  EXPECT_EQ(call.messages[0].content, "Hi");
  EXPECT_FALSE(call.stream);
  EXPECT_EQ(parse_ollama_create(R"({"model":"m","from":"a","license":"MIT"})").licence, "MIT");
  EXPECT_FALSE(parse_ollama_create(R"({"model":"m","from":"a","license":[]})").licence);
}

TEST(OllamaModels, CreateFromFiles) {
  const OllamaCreateCall call = parse_ollama_create(R"({"name":"m","files":{"b.gguf":"sha256:)" +
                                                    hex + R"(","a.gguf":"sha256:)" + hex + "\"}}");
  ASSERT_EQ(call.files.size(), 2u);
  EXPECT_EQ(call.files[0].first, "a.gguf");
  EXPECT_EQ(call.files[0].second, "sha256:" + hex);
  const std::string wrong[] = {"",
                               "sha256:",
                               "sha256:" + hex + "a",
                               "sha256:" + hex.substr(1),
                               "sha512:" + hex,
                               "sha256:" + std::string(64, 'A'),
                               "sha256:../" + hex.substr(3)};
  for (const std::string& digest : wrong) {
    EXPECT_NE(refusal(parse_ollama_create, R"({"model":"m","files":{"a":")" + digest + "\"}}"), "")
        << digest;
  }
  EXPECT_NE(refusal(parse_ollama_create, R"({"model":"m","files":{"a":7}})"), "");
  EXPECT_NE(refusal(parse_ollama_create, R"({"model":"m"})"), "");
  EXPECT_NE(refusal(parse_ollama_create,
                    R"({"model":"m","from":"a","files":{"a":"sha256:)" + hex + "\"}}"),
            "");
  EXPECT_NE(refusal(parse_ollama_create, R"({"model":"m","from":"a","quantize":"q4_0"})"), "");
  // Kept as it is written; whoever makes the model judges it.
  EXPECT_EQ(
      parse_ollama_create(R"({"model":"m","from":"a","template":"{{ .Prompt }}"})").chat_template,
      "{{ .Prompt }}");
}

TEST(OllamaModels, RepliesOfOneLine) {
  EXPECT_EQ(ollama_progress_line({"creating", "", 7, std::nullopt}),
            "{\"status\":\"creating\",\"total\":7}\n");
  EXPECT_EQ(ollama_version_reply("0.1.0"), R"({"version":"0.1.0"})");
  EXPECT_EQ(ollama_progress_line(
                {.status = "pulling manifest", .digest = {}, .total = {}, .completed = {}}),
            "{\"status\":\"pulling manifest\"}\n");
  EXPECT_EQ(
      ollama_progress_line({"pulling abc", "sha256:abc", 100, 0}),
      "{\"status\":\"pulling abc\",\"digest\":\"sha256:abc\",\"total\":100,\"completed\":0}\n");
}

}  // namespace
}  // namespace hearth
