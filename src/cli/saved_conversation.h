// Conversations in files: {"hearth_conversation": 1, "model": …, "messages": [{"role",
// "content"}]}. A newer version is refused, not guessed at. Pure but for the files; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "chat/conversation.h"

namespace hearth {

struct SavedConversation {
  std::string model;  // the reference it was held with
  Conversation conversation;
};

std::string serialize(const SavedConversation& saved);
// kCorruptData for anything that breaks the format, kUnsupported for a newer version.
SavedConversation parse_conversation(std::string_view text, std::string_view name);

// Written whole or not at all. "~/" is the home directory.
void save_conversation(const SavedConversation& saved, std::string_view path);
SavedConversation load_conversation(std::string_view path);

// A million tokens of context are some 4 MB of text; JSON may escape each byte into six.
inline constexpr std::uint64_t kConversationBytesMax = 32u << 20;
inline constexpr std::size_t kMessagesMax = 100'000;  // of some 10 tokens each, in the same context

}  // namespace hearth
