#include "api/anthropic.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "api/error.h"
#include "api/field_table.h"
#include "api/generation.h"
#include "api/harmless.h"
#include "api/values.h"
#include "format/printable.h"
#include "text/stop_matcher.h"

namespace hearth {
namespace {

using nlohmann::json;

constexpr Field kBlockFields[] = {
    {.name = "type",
     .types = kFieldString,
     .max = 64,
     .about = "text; other types are not served yet.",
     .required = true,
     .served = Field::Served::kNotServed,
     .harmless = is_text},
    {.name = "text",
     .types = kFieldString,
     .max = kFieldTextBytesMax,
     .about = "The text.",
     .required = true},
    {.name = "cache_control",
     .types = kFieldObject,
     .max = 16,
     .about = "Prompts that begin alike are found without it.",
     .served = Field::Served::kNoEffect},
    {.name = "citations",
     .about = "Sources of a text.",
     .served = Field::Served::kNotServed,
     .harmless = is_empty_or_false},
};

constexpr Field kMessageFields[] = {
    {.name = "role",
     .types = kFieldString,
     .min = 1,
     .max = 32,
     .about = "user, assistant or system.",
     .required = true},
    {.name = "content",
     .types = kFieldString | kFieldArray,
     .max = kFieldTextBytesMax,
     .about = "A text, or blocks of type text.",
     .required = true,
     .members = kBlockFields},
};

constexpr Field kMetadataFields[] = {
    {.name = "user_id",
     .types = kFieldString,
     .max = kFieldOpaqueBytesMax,
     .about = "Who asks, in the caller's own words.",
     .served = Field::Served::kNoEffect},
};

// Of messages and count_tokens.
constexpr Field kPromptFields[] = {
    {.name = "model",
     .types = kFieldString,
     .min = 1,
     .max = kFieldNameBytesMax,
     .about = "The model that answers.",
     .required = true},
    {.name = "messages",
     .types = kFieldArray,
     .min = 1,
     .max = kFieldMessagesMax,
     .about = "The conversation, oldest first.",
     .required = true,
     .members = kMessageFields},
    {.name = "system",
     .types = kFieldString | kFieldArray,
     .max = kFieldTextBytesMax,
     .about = "What the model is to be: a text, or blocks of type text.",
     .members = kBlockFields},
    {.name = "cache_control",
     .types = kFieldObject,
     .max = 16,
     .about = "Prompts that begin alike are found without it.",
     .served = Field::Served::kNoEffect},
    {.name = "thinking",
     .about = "Think before the answer.",
     .served = Field::Served::kNotServed,
     .harmless = is_disabled},
    {.name = "tools",
     .about = "Tools that may be called.",
     .served = Field::Served::kNotServed,
     .harmless = is_empty_or_false},
    {.name = "tool_choice",
     .about = "Which tool to call.",
     .served = Field::Served::kNotServed,
     .harmless = is_no_tool_forced},
    {.name = "output_config",
     .about = "The form of the answer.",
     .served = Field::Served::kNotServed,
     .harmless = is_empty_or_false},
    {.name = "output_format",
     .about = "The older form of output_config.",
     .served = Field::Served::kNotServed},
    {.name = "context_management",
     .about = "What to drop from a long conversation; overflow is ours.",
     .served = Field::Served::kNotServed,
     .harmless = is_empty_or_false},
    {.name = "speed",
     .about = "Faster, at another price.",
     .served = Field::Served::kNotServed,
     .harmless = is_ordinary_service},
    {.name = "mcp_servers",
     .about = "Tools of other servers.",
     .served = Field::Served::kNotServed,
     .harmless = is_empty_or_false},
};

constexpr Field kMessageOnlyFields[] = {
    {.name = "max_tokens",
     .types = kFieldInteger,
     .max = kFieldInt32Max,
     .about = "Tokens of the answer, at most; 0 computes the prompt alone.",
     .required = true},
    {.name = "temperature",
     .types = kFieldNumber,
     .max = 1,
     .about = "0 takes the likeliest token; 1, the default, draws as the model says."},
    {.name = "top_p",
     .types = kFieldNumber,
     .max = 1,
     .about = "Draws from the likeliest tokens whose probabilities reach this."},
    {.name = "top_k",
     .types = kFieldInteger,
     .max = kFieldInt32Max,
     .about = "Draws from so many likeliest tokens; 0: all."},
    {.name = "stop_sequences",
     .types = kFieldArray,
     .max = StopMatcher::kStopsMax,
     .about = "Texts that end the answer and are not part of it, each of 1 to 1024 bytes."},
    {.name = "stream", .types = kFieldBoolean, .about = "Send the answer as it grows, as events."},
    {.name = "metadata",
     .types = kFieldObject,
     .max = 16,
     .about = "About the request.",
     .served = Field::Served::kNoEffect,
     .members = kMetadataFields},
    {.name = "overflow", .types = kFieldString, .max = 16, .about = kOverflowAbout},
    {.name = "service_tier",
     .about = "Another priority.",
     .served = Field::Served::kNotServed,
     .harmless = is_ordinary_service},
    {.name = "diagnostics",
     .about = "Why the cache did not hold the prompt; usage tells what it held.",
     .served = Field::Served::kNotServed,
     .harmless = is_empty_or_false},
    {.name = "container", .about = "Where tools run.", .served = Field::Served::kNotServed},
    {.name = "inference_geo",
     .about = "Where in the world to compute.",
     .served = Field::Served::kNotServed},
};

constexpr auto kMessageCallFields = joined_fields(kPromptFields, kMessageOnlyFields);

std::string role_of(const json& message, std::size_t index) {
  std::string role;
  read_field(message, "role", role);
  if (role == "user" || role == "assistant" || role == "system") return role;
  const std::string name = "messages[" + std::to_string(index) + "].role";
  throw FieldError(name,
                   name + " is " + printable_quoted(role) + ", must be user, assistant or system");
}

// Two turns of one role are one turn, as templates that insist on alternation want it.
void add_message(Message message, std::vector<Message>& messages) {
  if (messages.empty() || messages.back().role != message.role) {
    messages.push_back(std::move(message));
    return;
  }
  Message& last = messages.back();
  const auto text_of = [](const Message& of) {
    std::string text = of.content.value_or("");
    for (const ContentPart& part : of.parts) text += part.text;
    return text;
  };
  last.content = text_of(last) + "\n\n" + text_of(message);
  last.parts.clear();
}

Conversation conversation_of(const json& body) {
  Conversation conversation;
  Message system{.role = "system"};
  read_content(body, "system", system);
  if (system.content) conversation.messages.push_back(std::move(system));
  const json& messages = body["messages"];
  for (std::size_t i = 0; i < messages.size(); ++i) {
    Message message{.role = role_of(messages[i], i)};
    read_content(messages[i], "content", message);
    add_message(std::move(message), conversation.messages);
  }
  return conversation;
}

constexpr std::pair<std::string_view, std::string_view> kOptionNames[] = {
    {"temperature", "temperature"},
    {"top_p", "top_p"},
    {"top_k", "top_k"},
    {"stop_sequences", "stop"},
    {"max_tokens", "num_predict"},
};

GenerateCall prompt_call(const json& body) {
  GenerateCall call;
  call.sampling = plain_sampling();
  read_field(body, "model", call.model);
  call.prompts.emplace_back(conversation_of(body));
  return call;
}

}  // namespace

std::span<const Field> anthropic_message_fields() noexcept { return kMessageCallFields; }
std::span<const Field> anthropic_count_fields() noexcept { return kPromptFields; }

GenerateCall parse_anthropic_message(std::string_view text) {
  const json body = parse_body(text);
  check_fields(body, kMessageCallFields);
  GenerateCall call = prompt_call(body);
  read_field(body, "max_tokens", call.max_tokens);
  read_field(body, "temperature", call.sampling.temperature);
  read_field(body, "top_p", call.sampling.top_p);
  read_field(body, "top_k", call.sampling.top_k);
  note_options_given(body, kOptionNames, call);
  call.stop =
      read_strings(body, "stop_sequences", StopMatcher::kStopsMax, StopMatcher::kStopBytesMax);
  read_field(body, "stream", call.stream);
  read_overflow(body, call.overflow);
  if (const json* metadata = find_field(body, "metadata")) {
    read_field(*metadata, "user_id", call.user);
  }
  return call;
}

GenerateCall parse_anthropic_count(std::string_view text) {
  const json body = parse_body(text);
  check_fields(body, kPromptFields);
  GenerateCall call = prompt_call(body);
  call.max_tokens = 0;
  return call;
}

}  // namespace hearth
