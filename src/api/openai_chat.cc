#include <nlohmann/json.hpp>
#include <utility>

#include "api/error.h"
#include "api/openai.h"
#include "api/openai_generation.h"
#include "format/printable.h"

namespace hearth {
namespace {

using nlohmann::json;

constexpr double kNameMax = 512;        // bytes of names and ids in messages; clients' are under 64
constexpr double kToolCallsMax = 1024;  // of one message
constexpr std::size_t kTopLogprobsMax = 20;

constexpr Field kPartFields[] = {
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
    {.name = "prompt_cache_breakpoint",
     .types = kFieldObject,
     .max = 16,
     .about = "Prompts that begin alike are found without it.",
     .served = Field::Served::kNoEffect},
};

constexpr Field kFunctionFields[] = {
    {.name = "name",
     .types = kFieldString,
     .min = 1,
     .max = kNameMax,
     .about = "The function that was called.",
     .required = true},
    {.name = "arguments",
     .types = kFieldString,
     .max = kFieldTextBytesMax,
     .about = "Its arguments, JSON as text."},
};

constexpr Field kToolCallFields[] = {
    {.name = "type",
     .types = kFieldString,
     .max = 64,
     .about = "function; other types are not served yet.",
     .served = Field::Served::kNotServed,
     .harmless = is_function},
    {.name = "id", .types = kFieldString, .max = kNameMax, .about = "What a tool's answer names."},
    {.name = "index",
     .types = kFieldInteger,
     .max = kToolCallsMax,
     .about = "As streams number the calls.",
     .served = Field::Served::kNoEffect},
    {.name = "function",
     .types = kFieldObject,
     .max = 16,
     .about = "The call.",
     .required = true,
     .members = kFunctionFields},
};

constexpr Field kMessageFields[] = {
    {.name = "role",
     .types = kFieldString,
     .min = 1,
     .max = 32,
     .about = "system, developer, user, assistant or tool.",
     .required = true},
    {.name = "content",
     .types = kFieldString | kFieldArray,
     .max = kFieldTextBytesMax,
     .about = "A text, or parts of type text.",
     .members = kPartFields},
    {.name = "name", .types = kFieldString, .max = kNameMax, .about = "Who speaks."},
    {.name = "tool_calls",
     .types = kFieldArray,
     .max = kToolCallsMax,
     .about = "Calls that the assistant made.",
     .members = kToolCallFields},
    {.name = "tool_call_id",
     .types = kFieldString,
     .max = kNameMax,
     .about = "Of a tool's message: the call it answers."},
    {.name = "reasoning_content",
     .types = kFieldString,
     .max = kFieldTextBytesMax,
     .about = "What the assistant thought first. Not OpenAI's."},
    {.name = "reasoning",
     .types = kFieldString,
     .max = kFieldTextBytesMax,
     .about = "Another name of reasoning_content."},
    {.name = "refusal",
     .about = "Why the assistant refused.",
     .served = Field::Served::kNotServed,
     .harmless = is_empty_or_false},
    {.name = "annotations",
     .about = "Sources of an answer.",
     .served = Field::Served::kNotServed,
     .harmless = is_empty_or_false},
    {.name = "audio", .about = "A spoken answer.", .served = Field::Served::kNotServed},
    {.name = "function_call",
     .about = "The older form of tool_calls.",
     .served = Field::Served::kNotServed},
};

constexpr Field kChatOwnFields[] = {
    {.name = "messages",
     .types = kFieldArray,
     .min = 1,
     .max = kFieldMessagesMax,
     .about = "The conversation, oldest first.",
     .required = true,
     .members = kMessageFields},
    {.name = "max_completion_tokens",
     .types = kFieldInteger,
     .max = kFieldInt32Max,
     .about = "The newer name of max_tokens."},
    {.name = "logprobs",
     .types = kFieldBoolean,
     .about = "Tell the logarithm of each token's probability."},
    {.name = "top_logprobs",
     .types = kFieldInteger,
     .max = kTopLogprobsMax,
     .about = "And of so many likeliest beside it. Only with logprobs."},
    {.name = "metadata",
     .types = kFieldObject,
     .max = 16,
     .about = "Kept with stored answers; none are stored.",
     .served = Field::Served::kNoEffect},
    {.name = "parallel_tool_calls",
     .types = kFieldBoolean,
     .about = "Whether several tools may be called at once; none are.",
     .served = Field::Served::kNoEffect},
    {.name = "prompt_cache_key",
     .types = kFieldString,
     .max = kFieldOpaqueBytesMax,
     .about = "Prompts that begin alike are found without it.",
     .served = Field::Served::kNoEffect},
    {.name = "prompt_cache_retention",
     .types = kFieldString,
     .max = 64,
     .about = "The cache keeps what it has room for.",
     .served = Field::Served::kNoEffect},
    {.name = "prompt_cache_options",
     .types = kFieldObject,
     .max = 16,
     .about = "The cache keeps what it has room for.",
     .served = Field::Served::kNoEffect},
    {.name = "safety_identifier",
     .types = kFieldString,
     .max = kFieldOpaqueBytesMax,
     .about = "Who asks, in the caller's own words.",
     .served = Field::Served::kNoEffect},
    {.name = "response_format",
     .about = "Answers that are JSON.",
     .served = Field::Served::kNotServed,
     .harmless = is_text_alone},
    {.name = "tools",
     .about = "Tools that may be called.",
     .served = Field::Served::kNotServed,
     .harmless = is_empty_or_false},
    {.name = "tool_choice",
     .about = "Which tool to call.",
     .served = Field::Served::kNotServed,
     .harmless = is_no_tool_forced},
    {.name = "functions",
     .about = "The older form of tools.",
     .served = Field::Served::kNotServed,
     .harmless = is_empty_or_false},
    {.name = "function_call",
     .about = "The older form of tool_choice.",
     .served = Field::Served::kNotServed,
     .harmless = is_no_tool_forced},
    {.name = "modalities",
     .about = "Answers that are more than text.",
     .served = Field::Served::kNotServed,
     .harmless = is_text_alone},
    {.name = "audio", .about = "How to speak.", .served = Field::Served::kNotServed},
    {.name = "prediction",
     .about = "Text that the answer is likely to hold.",
     .served = Field::Served::kNotServed},
    {.name = "reasoning_effort",
     .about = "How long to think.",
     .served = Field::Served::kNotServed,
     .harmless = is_no_effort},
    {.name = "verbosity",
     .about = "How long to answer.",
     .served = Field::Served::kNotServed,
     .harmless = is_medium},
    {.name = "service_tier",
     .about = "Another priority or price.",
     .served = Field::Served::kNotServed,
     .harmless = is_ordinary_service},
    {.name = "store",
     .about = "Keep the answer.",
     .served = Field::Served::kNotServed,
     .harmless = is_empty_or_false},
    {.name = "moderation",
     .about = "Judge prompt and answer.",
     .served = Field::Served::kNotServed},
    {.name = "web_search_options", .about = "Search the web.", .served = Field::Served::kNotServed},
};

constexpr auto kChatFields = joined_fields(kOpenAiSharedFields, kChatOwnFields);

std::string role_of(const json& message, std::size_t index) {
  std::string role;
  read_field(message, "role", role);
  if (role == "developer") return "system";
  if (role == "system" || role == "user" || role == "assistant" || role == "tool") return role;
  const std::string name = "messages[" + std::to_string(index) + "].role";
  throw FieldError(name, name + " is " + printable_quoted(role) +
                             ", must be system, developer, user, assistant or tool");
}

ToolCall tool_call_of(const json& call) {
  ToolCall read;
  read_field(call, "id", read.id);
  read_field(call["function"], "name", read.name);
  read_field(call["function"], "arguments", read.arguments);
  return read;
}

Message message_of(const json& message, std::size_t index) {
  Message read;
  read.role = role_of(message, index);
  read_content(message, "content", read);
  read_field(message, "name", read.name);
  read_field(message, "tool_call_id", read.tool_call_id);
  read_field(message, "reasoning", read.reasoning);
  read_field(message, "reasoning_content", read.reasoning);
  if (const json* calls = find_field(message, "tool_calls")) {
    for (const json& call : *calls) read.tool_calls.push_back(tool_call_of(call));
  }
  return read;
}

void read_logprobs(const json& body, GenerateCall& call) {
  bool wanted = false;
  std::size_t top = 0;
  read_field(body, "logprobs", wanted);
  read_field(body, "top_logprobs", top);
  if (top > 0 && !wanted) {
    throw FieldError("top_logprobs", "top_logprobs is only for logprobs: set logprobs to true");
  }
  if (wanted) call.top_logprobs = top;
}

}  // namespace

std::span<const Field> openai_chat_fields() noexcept { return kChatFields; }

GenerateCall parse_openai_chat(std::string_view text) {
  const json body = parse_body(text);
  check_fields(body, kChatFields);
  GenerateCall call = read_openai_generation(body);
  read_logprobs(body, call);
  Conversation conversation;
  const json& messages = body["messages"];
  for (std::size_t i = 0; i < messages.size(); ++i) {
    conversation.messages.push_back(message_of(messages[i], i));
  }
  call.prompts.emplace_back(std::move(conversation));
  return call;
}

}  // namespace hearth
