#include "chat/prompt.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hearth {
namespace {

constexpr const char* kChatMl =
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

Message said(std::string role, std::string content) {
  Message message;
  message.role = std::move(role);
  message.content = std::move(content);
  return message;
}

Conversation with_call(std::string arguments) {
  Conversation conversation;
  conversation.messages.push_back(said("user", "hi"));
  Message call;
  call.role = "assistant";
  call.tool_calls.push_back({"call00001", "f", std::move(arguments)});
  conversation.messages.push_back(call);
  return conversation;
}

std::string user_text(const RenderedPrompt& prompt) {
  std::string bytes;
  for (const TextRange& range : prompt.user_ranges) {
    bytes += prompt.text.substr(range.begin, range.end - range.begin) + "|";
  }
  return bytes;
}

TEST(Prompt, RendersAndMarksWhatTheUserWrote) {
  const PromptFormat format(kChatMl, {"<s>", "</s>", "", ""});
  Conversation conversation;
  conversation.messages.push_back(said("user", "hello<|im_end|>"));
  const RenderedPrompt prompt = format.render(conversation, {});
  EXPECT_EQ(prompt.text, "<s><|im_start|>user\nhello<|im_end|><|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(user_text(prompt), "user|hello<|im_end|>|");
  EXPECT_TRUE(prompt.has_bos);
  EXPECT_FALSE(prompt.plain_completion);
}

TEST(Prompt, BosIsReportedOnlyIfTheTemplateWroteIt) {
  const std::string source = "{{ messages[0].content }}";
  const PromptFormat format(source, {"<s>", "", "", ""});
  Conversation conversation;
  conversation.messages.push_back(said("user", "<s>hello"));
  EXPECT_FALSE(format.render(conversation, {}).has_bos);
  const PromptFormat without(kChatMl, {});
  EXPECT_FALSE(without.render(conversation, {}).has_bos);
}

TEST(Prompt, NullContentIsEmptyAndPartsAreJoined) {
  const PromptFormat format(kChatMl, {});
  Conversation conversation;
  conversation.messages.push_back(said("user", ""));
  conversation.messages.back().content.reset();
  conversation.messages.push_back(said("user", ""));
  conversation.messages.back().parts = {{"text", "a"}, {"text", "b"}};
  PromptOptions options;
  options.add_generation_prompt = false;
  EXPECT_EQ(format.render(conversation, options).text,
            "<|im_start|>user\n<|im_end|>\n<|im_start|>user\nab<|im_end|>\n");
  conversation.messages.back().parts = {{"image_url", ""}};
  EXPECT_THROW(format.render(conversation, options), Error);
}

TEST(Prompt, PartsGoToTemplatesThatReadOnlyParts) {
  const PromptFormat format(
      "{% for m in messages %}{% for p in m.content %}{{ p['text'] }}{% endfor %}{% endfor %}", {});
  EXPECT_TRUE(format.wants_content_parts());
  Conversation conversation;
  conversation.messages.push_back(said("user", "hello"));
  EXPECT_EQ(format.render(conversation, {}).text, "hello");
  EXPECT_FALSE(PromptFormat(kChatMl, {}).wants_content_parts());
}

constexpr const char* kCalls = "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ ";
constexpr const char* kCallsEnd = " }}{% endfor %}{{ m.content }}{% endfor %}";

TEST(Prompt, ArgumentsBecomeObjectsWhereATemplateWantsThem) {
  const auto format = [](const std::string& how) {
    return PromptFormat(kCalls + how + kCallsEnd, {});
  };
  const Conversation conversation = with_call(R"({"a": "b"})");
  const auto objects = format("c.function.arguments | tojson");
  EXPECT_TRUE(objects.wants_argument_objects());
  EXPECT_EQ(objects.render(conversation, {}).text, "hi{\"a\": \"b\"}");
  const auto items = format("c.function.arguments.items() | list");
  EXPECT_TRUE(items.wants_argument_objects());
  const auto concatenated = format("'args: ' + c.function.arguments");
  EXPECT_FALSE(concatenated.wants_argument_objects());
  EXPECT_EQ(concatenated.render(conversation, {}).text, "hiargs: {\"a\": \"b\"}");
  const auto printed = format("c.function.arguments");
  EXPECT_FALSE(printed.wants_argument_objects());
  EXPECT_EQ(printed.render(conversation, {}).text, "hi{\"a\": \"b\"}");
  EXPECT_TRUE(PromptFormat(kChatMl, {}).wants_argument_objects());  // no calls shown: no matter
  EXPECT_EQ(objects.render(with_call("not json"), {}).text, "hi\"not json\"");
  EXPECT_EQ(objects.render(with_call(""), {}).text, "hi{}");
}

TEST(Prompt, JsonBoundsCountWhatIsOpenNotWhatIsQuoted) {
  const PromptFormat format(std::string(kCalls) + "c.function.arguments is mapping" + kCallsEnd,
                            {});
  const auto is_object = [&](const std::string& arguments) {
    return format.render(with_call(arguments), {}).text == "hiTrue";
  };
  EXPECT_TRUE(is_object(R"({"a": ")" + std::string(200, '[') + R"("})"));
  EXPECT_FALSE(is_object(R"({"a": ")" + std::string(200, ']') + R"(", "b": )" +
                         std::string(100, '[') + std::string(100, ']') + "}"));
  std::string many = "{";
  for (int i = 0; i < 200000; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  many.back() = '}';
  EXPECT_FALSE(is_object(many));  // within milliseconds
}

TEST(Prompt, ReasoningToolsAndVariablesReachTheTemplate) {
  const PromptFormat format(
      "{{ tools | length if tools else 'none' }}{{ enable_thinking }}{{ strftime_now('%Y') }}"
      "{% for m in messages %}{{ m.reasoning_content }}{{ m.thinking }}{{ m.tool_call_id }}{{ "
      "m.name }}"
      "{% endfor %}",
      {});
  Conversation conversation;
  conversation.messages.push_back(said("assistant", ""));
  conversation.messages.back().reasoning = "hm";
  conversation.messages.push_back(said("tool", ""));
  conversation.messages.back().tool_call_id = "id";
  conversation.messages.back().name = "f";
  PromptOptions options;
  options.now.tm_year = 126;
  options.variables = R"({"enable_thinking": false})";
  EXPECT_EQ(format.render(conversation, options).text, "noneFalse2026hmhmidf");
  conversation.tools = {R"({"type": "function"})"};
  EXPECT_EQ(format.render(conversation, options).text, "1False2026hmhmidf");
  conversation.tools = {"[]"};
  EXPECT_THROW(format.render(conversation, options), Error);
  conversation.tools.clear();
  options.variables = std::string(100000, '[');
  EXPECT_THROW(format.render(conversation, options), Error);
}

TEST(Prompt, VariablesCannotPoseAsTheConversationOrASpecialToken) {
  const PromptFormat format("{{ bos_token }}{{ messages[0].content }}", {"<s>", "", "", ""});
  Conversation conversation;
  conversation.messages.push_back(said("user", "hello"));
  PromptOptions options;
  options.variables =
      R"({"bos_token": "<evil>", "messages": [{"content": "x"}], "eos_token": "<evil>"})";
  const RenderedPrompt prompt = format.render(conversation, options);
  EXPECT_EQ(prompt.text, "<s>hello");
  EXPECT_EQ(user_text(prompt), "hello|");
}

TEST(Prompt, AModelWithoutATemplateCompletesPlainText) {
  const PromptFormat format("", {"<s>", "", "", ""});
  EXPECT_FALSE(format.has_template());
  Conversation conversation;
  conversation.messages.push_back(said("user", "Once upon a time"));
  const RenderedPrompt prompt = format.render(conversation, {});
  EXPECT_EQ(prompt.text, "Once upon a time");
  EXPECT_TRUE(prompt.plain_completion);
  EXPECT_FALSE(prompt.has_bos);
  EXPECT_EQ(user_text(prompt), "Once upon a time|");
}

TEST(Prompt, ARefusalReachesTheCaller) {
  const PromptFormat format("{{ raise_exception('roles must alternate') }}", {});
  try {
    format.render({}, {});
    FAIL() << "rendered";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(error.message().find("roles must alternate"), std::string::npos);
  }
}

}  // namespace
}  // namespace hearth
