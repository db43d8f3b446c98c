#include <gtest/gtest.h>

#include "api/boundary_table.h"
#include "api/error.h"
#include "api/ollama.h"

namespace hearth {
namespace {

std::string refusal(const std::string& body, bool chat = false) {
  try {
    chat ? parse_ollama_chat(body) : parse_ollama_generate(body);
    return "";
  } catch (const FieldError& error) {
    return error.field() + ": " + error.message();
  }
}

TEST(OllamaCall, EveryFieldHasItsBounds) {
  EXPECT_GT(check_boundaries(ollama_generate_fields(), R"({"model":"m","options":{"seed":1}})"),
            250u);
  EXPECT_GT(check_boundaries(ollama_chat_fields(),
                             R"({"model":"m","options":{"seed":1},"messages":[{"role":"assistant",
                                 "tool_calls":[{"function":{"name":"f"}}]}]})"),
            250u);
  EXPECT_NE(refusal(R"({"model":"m","colour":1})"), "");
  EXPECT_NE(refusal(R"({"model":"m","colour":1})", true), "");
}

TEST(OllamaCall, TheParserTakesTheBounds) {
  for (const char* options :
       {R"({"num_predict":-2,"temperature":0,"top_k":-1,"top_p":0,"min_p":0,"typical_p":0,
            "repeat_penalty":0.01,"repeat_last_n":-1,"presence_penalty":-100,
            "frequency_penalty":-100,"seed":-9223372036854775808,"num_ctx":1})",
        R"({"num_predict":2147483647,"temperature":100,"top_k":2147483647,"top_p":1,"min_p":1,
            "typical_p":1,"repeat_penalty":100,"repeat_last_n":2147483647,"presence_penalty":100,
            "frequency_penalty":100,"seed":9223372036854774784,"num_ctx":2147483647})"}) {
    const GenerateCall call = parse_ollama_generate(
        std::string(R"({"model":"m","keep_alive":-1e9,"options":)") + options + "}");
    EXPECT_NO_THROW(validate(call.sampling)) << options;
    EXPECT_EQ(call.options_given.size(), 12u);
  }
}

TEST(OllamaCall, DefaultsAreTheDocumentedOnes) {
  const GenerateCall call = parse_ollama_generate(R"({"model":"m","prompt":"Hi"})");
  EXPECT_EQ(call.model, "m");
  EXPECT_TRUE(call.stream);
  EXPECT_FLOAT_EQ(call.sampling.temperature, 0.8f);
  EXPECT_EQ(call.sampling.top_k, 40);
  EXPECT_FLOAT_EQ(call.sampling.top_p, 0.9f);
  EXPECT_FLOAT_EQ(call.sampling.min_p, 0.0f);
  EXPECT_FLOAT_EQ(call.sampling.typical_p, 1.0f);
  EXPECT_FLOAT_EQ(call.sampling.repeat_penalty, 1.1f);
  EXPECT_EQ(call.sampling.repeat_last_n, 64);
  EXPECT_FALSE(call.seed_given);
  EXPECT_FALSE(call.max_tokens);
  EXPECT_FALSE(call.top_logprobs);
  EXPECT_FALSE(call.keep_alive);
  EXPECT_EQ(call.overflow, Overflow::kError);
  EXPECT_TRUE(call.options_given.empty());
  const auto& conversation = std::get<Conversation>(call.prompts.at(0));
  ASSERT_EQ(conversation.messages.size(), 1u);
  EXPECT_EQ(conversation.messages[0].role, "user");
  EXPECT_EQ(conversation.messages[0].content, "Hi");
}

TEST(OllamaCall, OptionsReachTheSampler) {
  const GenerateCall call = parse_ollama_generate(R"({"model":"m","prompt":"Hi","stream":false,
    "options":{"num_predict":7,"temperature":0,"top_k":3,"top_p":0.5,"min_p":0.1,"typical_p":0.7,
    "repeat_penalty":1.2,"repeat_last_n":33,"presence_penalty":1.5,"frequency_penalty":1,"seed":42,
    "stop":["\n","user:"],"num_ctx":1024,"num_keep":5,"mirostat":0,"tfs_z":1.0,"numa":false}})");
  EXPECT_FALSE(call.stream);
  EXPECT_EQ(call.max_tokens, 7u);
  EXPECT_EQ(call.sampling.temperature, 0.0f);
  EXPECT_EQ(call.sampling.top_k, 3);
  EXPECT_FLOAT_EQ(call.sampling.top_p, 0.5f);
  EXPECT_FLOAT_EQ(call.sampling.min_p, 0.1f);
  EXPECT_FLOAT_EQ(call.sampling.typical_p, 0.7f);
  EXPECT_FLOAT_EQ(call.sampling.repeat_penalty, 1.2f);
  EXPECT_EQ(call.sampling.repeat_last_n, 33);
  EXPECT_FLOAT_EQ(call.sampling.presence_penalty, 1.5f);
  EXPECT_FLOAT_EQ(call.sampling.frequency_penalty, 1.0f);
  EXPECT_TRUE(call.seed_given);
  EXPECT_EQ(call.sampling.seed, 42u);
  EXPECT_EQ(call.stop, (std::vector<std::string>{"\n", "user:"}));
  EXPECT_EQ(call.context_size, 1024u);
  EXPECT_EQ(call.options_given.size(), 13u);
}

TEST(OllamaCall, NumbersThatMeanNoLimit) {
  for (const char* count : {"-1", "-2", "-1.0"}) {
    const std::string options = std::string(R"({"num_predict":)") + count + R"(,"seed":-1})";
    const GenerateCall call =
        parse_ollama_generate(R"({"model":"m","prompt":"Hi","options":)" + options + "}");
    EXPECT_FALSE(call.max_tokens) << count;
    EXPECT_FALSE(call.seed_given);
  }
  const GenerateCall none =
      parse_ollama_generate(R"({"model":"m","prompt":"Hi","options":{"num_predict":0}})");
  EXPECT_EQ(none.max_tokens, 0u);
  EXPECT_TRUE(parse_ollama_generate(R"({"model":"m","options":{"stop":[]}})").stop.empty());
  EXPECT_NE(refusal(R"({"model":"m","options":{"stop":["a",""]}})"), "");
  EXPECT_NE(refusal(R"({"model":"m","options":{"stop":[7]}})"), "");
}

TEST(OllamaCall, KeepAliveTakesSecondsAndDurations) {
  const auto seconds = [](const std::string& value) {
    return parse_ollama_generate(R"({"model":"m","keep_alive":)" + value + "}").keep_alive->seconds;
  };
  EXPECT_EQ(seconds("0"), 0);
  EXPECT_EQ(seconds("0.0"), 0);
  EXPECT_EQ(seconds("90"), 90);
  EXPECT_EQ(seconds("1.5"), 1.5);
  EXPECT_LT(seconds("-1"), 0);
  EXPECT_EQ(seconds("\"0\""), 0);
  EXPECT_EQ(seconds("\"5m\""), 300);
  EXPECT_EQ(seconds("\"1h30m\""), 5400);
  EXPECT_LT(seconds("\"-1m\""), 0);
  EXPECT_EQ(refusal(R"({"model":"m","keep_alive":"5 minutes"})"),
            "keep_alive: keep_alive must be a number of seconds, or a text with units like \"5m\" "
            "or \"1h30m\"; negative means for ever");
}

TEST(OllamaCall, AnEmptyPromptAsksToLoad) {
  for (const char* body : {R"({"model":"m"})", R"({"model":"m","prompt":""})",
                           R"({"model":"m","prompt":null,"keep_alive":0})"}) {
    EXPECT_TRUE(parse_ollama_generate(body).prompts.empty()) << body;
  }
  EXPECT_TRUE(parse_ollama_chat(R"({"model":"m","messages":[]})").prompts.empty());
  EXPECT_TRUE(parse_ollama_chat(R"({"model":"m"})").prompts.empty());
}

TEST(OllamaCall, GenerateTakesSystemTemplateAndContext) {
  const GenerateCall call = parse_ollama_generate(
      R"({"model":"m","prompt":"Hi","system":"Be brief.","template":"{{ messages[0].content }}",
          "context":[1,2,49151]})");
  EXPECT_EQ(call.system, "Be brief.");
  EXPECT_EQ(call.chat_template, "{{ messages[0].content }}");
  EXPECT_EQ(call.context, (std::vector<TokenId>{1, 2, 49151}));
  const GenerateCall bare = parse_ollama_generate(
      R"({"model":"m","prompt":"Hi","system":"","template":"","context":[],"suffix":""})");
  EXPECT_FALSE(bare.system || bare.chat_template || bare.suffix);
  EXPECT_TRUE(bare.context.empty());
  for (const char* context : {"[-1]", "[2147483648]", "[1.5]", "[\"1\"]", "[[1]]", "[null]"}) {
    EXPECT_NE(refusal(std::string(R"({"model":"m","prompt":"Hi","context":)") + context + "}"), "")
        << context;
  }
}

TEST(OllamaCall, RawAndSuffixTakeThePromptAsItIs) {
  const GenerateCall raw =
      parse_ollama_generate(R"({"model":"m","prompt":"<|im_start|>","raw":true})");
  const auto& text = std::get<RawText>(raw.prompts.at(0));
  EXPECT_EQ(text.text, "<|im_start|>");
  EXPECT_TRUE(text.add_special);
  EXPECT_TRUE(text.parse_special);
  const GenerateCall gap =
      parse_ollama_generate(R"({"model":"m","prompt":"def f(","suffix":"return 1"})");
  EXPECT_FALSE(std::get<RawText>(gap.prompts.at(0)).parse_special);
  EXPECT_EQ(gap.suffix, "return 1");
  for (const char* more : {R"("system":"s")", R"("template":"t")", R"("context":[1])"}) {
    EXPECT_NE(refusal(std::string(R"({"model":"m","prompt":"p","raw":true,)") + more + "}"), "");
    EXPECT_NE(refusal(std::string(R"({"model":"m","prompt":"p","suffix":"s",)") + more + "}"), "");
  }
  EXPECT_NE(refusal(R"({"model":"m","prompt":"p","suffix":"s","raw":true})"), "");
}

TEST(OllamaCall, TemplatesOfGoAreReadAsJinja) {
  const auto read = [](const std::string& text) {
    return *parse_ollama_generate(R"({"model":"m","prompt":"p","template":")" + text + "\"}")
                .chat_template;
  };
  EXPECT_NE(read("{{ .Prompt }}").find("messages"), std::string::npos);
  for (const char* text : {"{{ messages[0].content }}", "{% if x %}{{ ifx }}{% endif %}", "plain",
                           "{{- endpoint -}}", "{{ 'a.b' }}"}) {
    EXPECT_EQ(read(text), text);
  }
  for (const char* text : {"{{ .Tools }}", "{{ .Prompt }}{{ end }}", "{{", "{% if %}"}) {
    EXPECT_TRUE(refusal(std::string(R"({"model":"m","prompt":"p","template":")") + text + "\"}")
                    .starts_with("template: template: "))
        << text;
  }
}

TEST(OllamaCall, OverflowAndLogprobsAreAskedFor) {
  const auto parse = [](const std::string& more) {
    return parse_ollama_generate(R"({"model":"m","prompt":"p",)" + more + "}");
  };
  EXPECT_EQ(parse(R"("truncate":true)").overflow, Overflow::kTruncate);
  EXPECT_EQ(parse(R"("truncate":true,"shift":true)").overflow, Overflow::kShift);
  EXPECT_EQ(parse(R"("shift":true)").overflow, Overflow::kShift);
  EXPECT_EQ(parse(R"("truncate":false,"shift":false)").overflow, Overflow::kError);
  EXPECT_EQ(parse(R"("logprobs":true)").top_logprobs, 0u);
  EXPECT_EQ(parse(R"("logprobs":true,"top_logprobs":5)").top_logprobs, 5u);
  EXPECT_FALSE(parse(R"("top_logprobs":5)").top_logprobs);
}

TEST(OllamaCall, WhatIsNotServedIsRefusedUnlessItAsksForNothing) {
  EXPECT_EQ(refusal(R"({"model":"m","format":"","think":false,"images":[],
                        "options":{"mirostat":0,"tfs_z":1}})"),
            "");
  EXPECT_EQ(refusal(R"({"model":"m","messages":[{"role":"user","content":"a","images":[]}],
                        "tools":[],"think":false,"format":null})",
                    true),
            "");
  EXPECT_EQ(refusal(R"({"model":"m","format":"json"})"),
            "format: format 'json' is not served yet: leave it out");
  EXPECT_EQ(refusal(R"({"model":"m","options":{"mirostat":2}})"),
            "options.mirostat: options.mirostat is not served yet: leave it out");
  EXPECT_NE(refusal(R"({"model":"m","format":{}})"), "");
  EXPECT_NE(refusal(R"({"model":"m","think":"low"})"), "");
  EXPECT_NE(refusal(R"({"model":"m","tools":[{"type":"function"}]})", true), "");
}

TEST(OllamaCall, ChatTakesEveryRole) {
  const GenerateCall call = parse_ollama_chat(R"({"model":"m","messages":[
    {"role":"system","content":"s"},{"role":"user","content":"u"},
    {"role":"assistant","content":null,"thinking":"hm","tool_calls":[
      {"id":"c1","type":"function","function":{"index":0,"name":"f","arguments":{"a":1}}},
      {"function":{"name":"g"}}]},
    {"role":"tool","content":"r","tool_name":"f","tool_call_id":"c1"}]})");
  const std::vector<Message>& messages = std::get<Conversation>(call.prompts.at(0)).messages;
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[0].role + *messages[0].content, "systems");
  EXPECT_FALSE(messages[2].content);
  EXPECT_EQ(messages[2].reasoning, "hm");
  ASSERT_EQ(messages[2].tool_calls.size(), 2u);
  EXPECT_EQ(messages[2].tool_calls[0].id, "c1");
  EXPECT_EQ(messages[2].tool_calls[0].name, "f");
  EXPECT_EQ(messages[2].tool_calls[0].arguments, R"({"a":1})");
  EXPECT_EQ(messages[2].tool_calls[1].arguments, "{}");
  EXPECT_EQ(messages[3].name + messages[3].tool_call_id, "fc1");
  EXPECT_EQ(refusal(R"({"model":"m","messages":[{"role":"user"},{"role":"developer"}]})", true),
            "messages[1].role: messages[1].role must be system, user, assistant or tool");
}

TEST(OllamaCall, AModelsParametersFillWhatTheRequestLeavesOpen) {
  GenerateCall call =
      parse_ollama_generate(R"({"model":"m","prompt":"p","options":{"temperature":0.5}})");
  const std::pair<std::string, std::string> parameters[] = {
      {"temperature", "0"}, {"top_k", "7"}, {"stop", "a"}, {"stop", "b"}, {"num_keep", "4"}};
  apply_ollama_parameters(parameters, call);
  EXPECT_FLOAT_EQ(call.sampling.temperature, 0.5f);
  EXPECT_EQ(call.sampling.top_k, 7);
  EXPECT_EQ(call.stop, (std::vector<std::string>{"a", "b"}));
  const std::pair<std::string, std::string> wrong[] = {{"top_k", "many"}};
  GenerateCall open;
  EXPECT_THROW(apply_ollama_parameters(wrong, open), FieldError);
  const std::pair<std::string, std::string> unknown[] = {{"colour", "1"}};
  EXPECT_THROW(apply_ollama_parameters(unknown, open), FieldError);
}

}  // namespace
}  // namespace hearth
