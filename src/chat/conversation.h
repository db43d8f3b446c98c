// What was said so far: plain data, copied freely, no invariants but the ones written beside the
// members. Any thread may read a Conversation that nobody changes.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace hearth {

struct ContentPart {
  std::string type = "text";  // "text" is all we understand
  std::string text;
};

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text, as clients send it and models write it
};

struct Message {
  std::string role = {};                    // system, user, assistant, tool
  std::optional<std::string> content = {};  // none: null, rendered as ''
  std::vector<ContentPart> parts = {};      // if not empty, instead of content
  std::string reasoning = {};  // what the assistant thought before it answered; may be empty
  std::vector<ToolCall> tool_calls = {};  // of an assistant
  std::string tool_call_id = {};          // of a tool: the call it answers
  std::string name = {};                  // of a tool, or of who speaks; may be empty
};

struct Conversation {
  std::vector<Message> messages;
  std::vector<std::string>
      tools;  // each a JSON object as OpenAI defines it: {"type": "function", ...}
};

}  // namespace hearth
