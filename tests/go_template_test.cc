// Go templates rewritten as Jinja render what Go's own text/template renders by Ollama's rules:
// tests/data/go_templates/expected.json is written by scripts/go_template_reference.go.
#include "store/go_template.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/error.h"
#include "text/template/chat_template.h"

namespace hearth {
namespace {

using Json = nlohmann::ordered_json;

Json read_json(const char* name) {
  std::ifstream file(std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/go_templates" / name);
  return Json::parse(file);
}

RenderedText render(const std::string& go_template, const Json& messages,
                    bool add_generation_prompt = true) {
  const Json context = {{"messages", messages}, {"add_generation_prompt", add_generation_prompt}};
  return ChatTemplate::compile(go_template_to_jinja(go_template)).render(context, {});
}

Json chat(std::initializer_list<std::pair<const char*, const char*>> messages) {
  Json list = Json::array();
  for (const auto& [role, content] : messages)
    list.push_back({{"role", role}, {"content", content}});
  return list;
}

TEST(GoTemplateRendered, IsWhatGoRenders) {
  const Json cases = read_json("cases.json"), expected = read_json("expected.json");
  ASSERT_GE(cases["templates"].size(), 21u);
  ASSERT_GE(cases["conversations"].size(), 12u);
  for (const auto& [name, source] : cases["templates"].items()) {
    for (const auto& [conversation, messages] : cases["conversations"].items()) {
      EXPECT_EQ(render(source, messages).text, expected[name][conversation].get<std::string>())
          << name << " / " << conversation << "\n"
          << go_template_to_jinja(source.get<std::string>());
    }
  }
}

// Read once by a person, so that the whole does not hang on the script alone.
TEST(GoTemplateRendered, PublicFormatsLookAsTheyShould) {
  const Json templates = read_json("cases.json")["templates"];
  const Json turns = chat({{"system", "S"}, {"user", "U1"}, {"assistant", "A1"}, {"user", "U2"}});
  const auto text = [&](const char* name) { return render(templates[name], turns).text; };
  EXPECT_EQ(text("chatml"),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU1<|im_end|>\n"
            "<|im_start|>assistant\nA1<|im_end|>\n<|im_start|>user\nU2<|im_end|>\n"
            "<|im_start|>assistant\n");
  EXPECT_EQ(text("chatml_messages"), text("chatml"));
  EXPECT_EQ(text("llama2"),
            "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nU1 [/INST] A1 </s><s>[INST] U2 [/INST] ");
  EXPECT_EQ(text("llama3"),
            "<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nU1<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\nA1<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nU2<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(text("llama3_messages"), text("llama3"));
  EXPECT_EQ(text("mistral_messages"), "[INST] U1[/INST] A1</s>[INST] S\n\nU2[/INST]");
  EXPECT_EQ(text("gemma_messages"),
            "<start_of_turn>user\nS\nU1<end_of_turn>\n<start_of_turn>model\nA1<end_of_turn>\n"
            "<start_of_turn>user\nU2<end_of_turn>\n<start_of_turn>model\n");
  EXPECT_EQ(text("zephyr"),
            "\n<|system|>\nS\n</s>\n<|user|>\nU1\n</s>\n<|assistant|>\nA1</s>\n"
            "\n<|user|>\nU2\n</s>\n<|assistant|>\n");
}

TEST(GoTemplateRendered, ALastTurnEndsWhereNobodyIsToAnswer) {
  const std::string chatml = read_json("cases.json")["templates"]["chatml"];
  const Json answered = chat({{"user", "U"}, {"assistant", "A"}});
  const std::string begun = "<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA";
  EXPECT_EQ(render(chatml, answered, true).text, begun);  // goes on with the answer
  EXPECT_EQ(render(chatml, answered, false).text, begun + "<|im_end|>\n");
  const Json asked = chat({{"user", "U"}});
  EXPECT_EQ(render(chatml, asked, false).text, render(chatml, asked, true).text);
}

TEST(GoTemplateRendered, WhatWasSaidIsNoControlText) {
  const Json templates = read_json("cases.json")["templates"];
  const std::string said = "<|im_end|>", twice = said + "\n\n" + said;
  for (const char* name : {"chatml", "chatml_messages"}) {
    const RenderedText rendered =
        render(templates[name], chat({{"user", "<|im_end|>"}, {"user", "<|im_end|>"}}));
    const std::size_t at = rendered.text.find(twice);
    ASSERT_NE(at, std::string::npos) << rendered.text;
    for (const std::size_t begin : {at, at + twice.size() - said.size()}) {
      bool is_users = false;
      for (const TextRange& range : rendered.user_ranges) {
        is_users = is_users || (range.begin <= begin && begin + said.size() <= range.end);
        EXPECT_FALSE(range.begin <= at + twice.size() && range.end > at + twice.size()) << name;
      }
      EXPECT_TRUE(is_users) << name;
    }
  }
}

TEST(GoTemplateRendered, NothingSaidIsNoContent) {
  const std::string source = "{{ .System }}|{{ .Prompt }}|{{ .Response }}";
  const Json messages = {{{"role", "user"}, {"content", nullptr}},
                         {{"role", "assistant"}},
                         {{"role", "user"}, {"content", "x"}}};
  EXPECT_EQ(render(source, messages).text, "|x|");
  EXPECT_EQ(render("{{ range .Messages }}<{{ .Content }}>{{ end }}", messages).text, "<><><x>");
}

TEST(GoTemplateRendered, LongConversationsStayWithinTheFuel) {
  const Json templates = read_json("cases.json")["templates"];
  Json messages = Json::array();
  for (int i = 0; i < 2000; ++i) {
    messages.push_back({{"role", i % 2 == 0 ? "user" : "assistant"}, {"content", "some words"}});
  }
  for (const char* name : {"chatml", "chatml_messages", "llama3_messages", "gemma_messages"}) {
    EXPECT_GT(render(templates[name], messages).text.size(), 20'000u) << name;
  }
}

// Whatever is rewritten compiles: the limit of Go's nesting keeps within those of Jinja's.
TEST(GoTemplateRendered, WhatNestsDeepRendersOrIsRefused) {
  struct Shape {
    const char *begin, *middle, *end;
  };
  const Json messages = chat({{"user", "U"}});
  for (const auto& [begin, middle, end] :
       {Shape{"{{ if .Prompt }}(", "x", "{{ end }}"},
        Shape{"{{ if eq .Prompt \"V\" }}{{ else }}(", "x", "{{ end }}"},
        Shape{"{{ range $.Messages }}(", "x", "{{ end }}"}}) {
    int rewritten = 0;
    for (int depth = 1; depth <= 40; ++depth) {
      std::string source;
      for (int i = 0; i < depth; ++i) source += begin;
      source += middle;
      for (int i = 0; i < depth; ++i) source += end;
      try {
        const std::string wanted(static_cast<std::size_t>(depth), '(');
        EXPECT_TRUE(render(source, messages).text.starts_with(wanted + middle)) << depth;
        rewritten = depth;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << depth << ": " << error.message();
      }
    }
    EXPECT_GE(rewritten, 16) << begin;
    EXPECT_LT(rewritten, 40) << begin;
  }
  std::string negated = ".Prompt", chain = "{{ if .Prompt }}a";
  for (int i = 0; i < 20; ++i) {
    negated = "(not " + negated + ")";
    chain += "{{ else if .Prompt }}b";
  }
  EXPECT_EQ(render("{{ " + negated + " }}", messages).text, "true");
  EXPECT_EQ(render(chain + "{{ end }}", messages).text, "a");
}

}  // namespace
}  // namespace hearth
