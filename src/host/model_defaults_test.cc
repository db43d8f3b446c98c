#include "host/model_defaults.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "host/answerer.h"

namespace hearth {
namespace {

std::string said(const std::vector<std::pair<std::string, std::string>>& messages,
                 const ModelDefaults& defaults) {
  Conversation conversation;
  for (const auto& [role, content] : messages) {
    conversation.messages.push_back({.role = role, .content = content});
  }
  std::string text;
  for (const Message& message : with_defaults(conversation, defaults).messages) {
    text += message.role + ":" + message.content.value_or("") + "|";
  }
  return text;
}

TEST(ModelDefaults, TheConversationsSystemMessageIsFirstElseTheModels) {
  const ModelDefaults both =
      model_defaults(parse_modelfile("FROM x\nSYSTEM S\nMESSAGE user a\nMESSAGE assistant b\n"));
  EXPECT_EQ(said({{"user", "u"}}, both), "system:S|user:a|assistant:b|user:u|");
  EXPECT_EQ(said({{"system", "T"}, {"user", "u"}}, both), "system:T|user:a|assistant:b|user:u|");
  EXPECT_EQ(said({{"system", "T"}, {"user", "u"}}, {}), "system:T|user:u|");
  EXPECT_EQ(said({}, {}), "");
}

TEST(ModelDefaults, ParametersThatChangeNothingAreLeftOut) {
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(model_defaults(parse_modelfile("FROM x\nPARAMETER num_keep 5\nPARAMETER stop a\n"
                                           "PARAMETER min_p 0.5\nPARAMETER mirostat 1\n"
                                           "PARAMETER stop b\nPARAMETER seed 3\n"))
                .parameters,
            (Parameters{{"stop", "a"}, {"min_p", "0.5"}, {"stop", "b"}, {"seed", "3"}}));
}

TEST(ModelDefaults, GosTemplatesAreConvertedOrLeft) {
  const auto with_template = [](const std::string& text) {
    Modelfile recipe;
    recipe.from = "x";
    recipe.template_text = text;
    return recipe;
  };
  EXPECT_NE(model_defaults(with_template("{{ .Prompt }}")).chat_template, "{{ .Prompt }}");
  EXPECT_EQ(model_defaults(with_template("{{ messages }}")).chat_template, "{{ messages }}");
  EXPECT_EQ(model_defaults(with_template("{{ .Tools }}")).chat_template, "");
  check_recipe(with_template("{{ .Prompt }}"));
  check_recipe({});
  EXPECT_THROW(check_recipe(with_template("{{ .Tools }}")), Error);
  EXPECT_THROW(check_recipe(with_template("{% if %}")), Error);
}

TEST(ModelDefaults, AnAnswererFollowsThem) {
  const auto loaded =
      open_model(std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny/llama_gqa.gguf",
                 {.device = {.isa = "portable", .threads = 1},
                  .context = 256,
                  .cache_types = {},
                  .on_progress = {}});
  const auto prompt_of = [&](ModelDefaults defaults) {
    AskOptions options;
    options.max_tokens = 1;
    const auto answerer = make_local_answerer(*loaded, std::move(defaults));
    const Answer answer =
        answerer->chat({{{.role = "user", .content = "abc"}}, {}}, options, {}, nullptr);
    return loaded->tokenizer->decode(answer.prompt_token_ids, false);
  };
  ModelDefaults defaults{.chat_template = "{% for m in messages %}<{{ m.content }}>{% endfor %}",
                         .system = "S",
                         .messages = {{.role = "user", .content = "a"}},
                         .parameters = {}};
  EXPECT_EQ(prompt_of(defaults), "<S><a><abc>");
  EXPECT_NE(prompt_of({}), "<S><a><abc>");
}

}  // namespace
}  // namespace hearth
