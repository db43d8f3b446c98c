#include <gtest/gtest.h>

#include "api/ollama.h"

namespace hearth {
namespace {

ModelEntry entry() {
  return {.name = "smollm2:135m",
          .digest = "ab12",
          .bytes = 270885376,
          .modified_unix_s = 1795474288,
          .family = "llama",
          .parameter_size = "134.52M",
          .quantization_level = "F16",
          .context_length = 8192,
          .embedding_length = 576,
          .capabilities = {"completion"}};
}

const std::string kDetails =
    R"("details":{"parent_model":"","format":"gguf","family":"llama","families":["llama"],)"
    R"("parameter_size":"134.52M","quantization_level":"F16","context_length":8192,)"
    R"("embedding_length":576})";

TEST(OllamaListing, Tags) {
  EXPECT_EQ(ollama_tags_reply({}), R"({"models":[]})");
  const ModelEntry models[] = {entry()};
  EXPECT_EQ(ollama_tags_reply(models),
            R"({"models":[{"name":"smollm2:135m","model":"smollm2:135m",)"
            R"("modified_at":"2026-11-23T22:51:28.000000000Z","size":270885376,"digest":"ab12",)" +
                kDetails + R"(,"capabilities":["completion"]}]})");
}

TEST(OllamaListing, Ps) {
  const RunningModel models[] = {{entry(), 1795474588, 300000000, 4096},
                                 {entry(), std::nullopt, 1, 8192}};
  const auto one = [](const std::string& expires, const std::string& size,
                      const std::string& context) {
    return R"({"name":"smollm2:135m","model":"smollm2:135m","size":)" + size +
           R"(,"digest":"ab12",)" + kDetails + R"(,"expires_at":")" + expires +
           R"(","size_vram":0,"context_length":)" + context + "}";
  };
  EXPECT_EQ(ollama_ps_reply(models),
            R"({"models":[)" + one("2026-11-23T22:56:28.000000000Z", "300000000", "4096") + "," +
                one("9999-12-31T23:59:59.000000000Z", "1", "8192") + "]}");
}

ModelDescription description() {
  ModelDescription model;
  model.model = entry();
  model.modelfile = "FROM smollm2\n";
  model.chat_template = "{{ x }}";
  model.system = "Be brief.";
  model.licence = "Apache-2.0";
  model.parameters = {{"stop", "<|im_end|>"}, {"temperature", "0.5"}};
  model.metadata = {{"general.architecture", std::string("llama")},
                    {"general.parameter_count", std::int64_t{134515008}},
                    {"llama.rope.freq_base", 10000.0},
                    {"tokenizer.ggml.add_bos_token", false},
                    {"general.name", std::string("half \xC3")}};
  model.tensors = {{"token_embd.weight", "F16", {576, 49152}}};
  return model;
}

const std::string kShown =
    R"({"license":"Apache-2.0","modelfile":"FROM smollm2\n",)"
    R"("parameters":"stop                           \"<|im_end|>\"\n)"
    R"(temperature                    0.5","template":"{{ x }}","system":"Be brief.",)" +
    kDetails +
    R"(,"model_info":{"general.architecture":"llama","general.parameter_count":134515008,)"
    R"("llama.rope.freq_base":10000.0,"tokenizer.ggml.add_bos_token":false,)"
    R"("general.name":"half �"},)";
const std::string kShownEnd =
    R"("capabilities":["completion"],"modified_at":"2026-11-23T22:51:28.000000000Z"})";

TEST(OllamaListing, Show) {
  EXPECT_EQ(ollama_show_reply(description(), false), kShown + kShownEnd);
  EXPECT_EQ(ollama_show_reply(description(), true),
            kShown +
                R"("tensors":[{"name":"token_embd.weight","type":"F16","shape":[576,49152]}],)" +
                kShownEnd);
}

TEST(OllamaListing, ShowOfAModelThatSaysNothing) {
  EXPECT_NE(ollama_show_reply({}, true).find(R"("model_info":{},"tensors":[],"capabilities":[])"),
            std::string::npos);
}

}  // namespace
}  // namespace hearth
