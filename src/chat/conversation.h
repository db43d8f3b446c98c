// Conversation: what was said, in the order it was said, before any template turns it into a
// prompt.
#pragma once

#include <string>
#include <vector>

namespace hearth {

struct Message {
  std::string role;  // "system", "user", "assistant", "tool"
  std::string content;
};

struct Conversation {
  std::vector<Message> messages;
};

}  // namespace hearth
