// The messages of /api/chat and /api/create.
#include <nlohmann/json.hpp>

#include "api/error.h"
#include "api/ollama_request.h"

namespace hearth {
namespace {

using nlohmann::json;

constexpr Field kFunctionFields[] = {
    {"index", kFieldInteger, 0, kFieldInt32Max, "The place of the call among its siblings.", false,
     Field::Served::kNoEffect},
    {"name", kFieldString, 1, kFieldNameBytesMax, "The function that was called.", true},
    {"arguments", kFieldObject, 0, kListMax, "What it was called with."},
};
constexpr Field kToolCallFields[] = {
    {"id", kFieldString, 0, kFieldNameBytesMax, "The call's name, which a tool's message repeats."},
    {"type", kFieldString, 0, kFieldNameBytesMax, "\"function\".", false, Field::Served::kNoEffect},
    {"function", kFieldObject, 1, kListMax, "The function and its arguments.", true,
     Field::Served::kYes, nullptr, kFunctionFields},
};
constexpr Field kMessageFields[] = {
    {"role", kFieldString, 1, 16, "system, user, assistant or tool.", true},
    {"content", kFieldString, 0, kFieldTextBytesMax, "What was said."},
    {"thinking", kFieldString, 0, kFieldTextBytesMax,
     "What the assistant thought before it answered."},
    unserved("images", "Pictures, in base64."),
    {"tool_calls", kFieldArray, 0, kListMax, "The calls that the assistant made.", false,
     Field::Served::kYes, nullptr, kToolCallFields},
    {"tool_name", kFieldString, 0, kFieldNameBytesMax,
     "Of a tool's message: the function it is from."},
    {"tool_call_id", kFieldString, 0, kFieldNameBytesMax,
     "Of a tool's message: the call it answers."},
};

ToolCall read_call(const json& object) {
  const json& function = object.at("function");
  ToolCall call;
  read_field(object, "id", call.id);
  read_field(function, "name", call.name);
  const json* arguments = find_field(function, "arguments");
  call.arguments = arguments ? arguments->dump() : "{}";
  return call;
}

Message read_message(const json& object, const std::string& path) {
  Message message;
  read_field(object, "role", message.role);
  const auto& role = message.role;
  if (role != "system" && role != "user" && role != "assistant" && role != "tool") {
    throw FieldError(path + ".role", path + ".role must be system, user, assistant or tool");
  }
  std::string content;
  if (read_field(object, "content", content)) message.content = std::move(content);
  read_field(object, "thinking", message.reasoning);
  read_field(object, "tool_name", message.name);
  read_field(object, "tool_call_id", message.tool_call_id);
  if (const json* calls = find_field(object, "tool_calls")) {
    for (const json& call : *calls) message.tool_calls.push_back(read_call(call));
  }
  return message;
}

}  // namespace

std::span<const Field> ollama_message_fields() noexcept { return kMessageFields; }

std::vector<Message> read_ollama_messages(const json& body) {
  std::vector<Message> messages;
  const json* list = find_field(body, "messages");
  if (list == nullptr) return messages;
  messages.reserve(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    messages.push_back(read_message((*list)[i], "messages[" + std::to_string(i) + "]"));
  }
  return messages;
}

}  // namespace hearth
