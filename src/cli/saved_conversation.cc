#include "cli/saved_conversation.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "format/printable.h"
#include "platform/file.h"
#include "store/json_document.h"

namespace hearth {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr const char* kVersionKey = "hearth_conversation";
constexpr std::array<std::string_view, 4> kRoles{"system", "user", "assistant", "tool"};

std::filesystem::path expanded(std::string_view path) {
  const char* home = std::getenv("HOME");
  if (!path.starts_with("~/") || home == nullptr) return path;
  return std::filesystem::path(home) / path.substr(2);
}

Message read_message(const JsonDocument& document, std::string_view name) {
  Message message{document.text("role"), document.text("content")};
  if (std::ranges::find(kRoles, message.role) == kRoles.end()) {
    throw Error(ErrorCode::kCorruptData, std::string(name) + ": the role is " +
                                             printable_quoted(message.role) +
                                             "; wanted system, user, assistant or tool");
  }
  return message;
}

}  // namespace

std::string serialize(const SavedConversation& saved) {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  for (const Message& message : saved.conversation.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content.value_or("")}});
  }
  const nlohmann::ordered_json object = {
      {kVersionKey, kVersion}, {"model", saved.model}, {"messages", messages}};
  return object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

SavedConversation parse_conversation(std::string_view text, std::string_view name) {
  const JsonDocument document = JsonDocument::parse(text, name);
  if (!document.is_object() || !document.contains(kVersionKey)) {
    throw Error(ErrorCode::kCorruptData, std::string(name) +
                                             " is no conversation that /save wrote: it has no \"" +
                                             kVersionKey + "\"");
  }
  const std::uint64_t version = document.size(kVersionKey);
  if (version != kVersion) {
    throw Error(ErrorCode::kUnsupported, std::string(name) + " has version " +
                                             std::to_string(version) + " and this hearth reads " +
                                             std::to_string(kVersion) + "; a newer one is needed");
  }
  SavedConversation saved{document.text("model"), {}};
  for (const JsonDocument& message : document.list("messages", kMessagesMax)) {
    saved.conversation.messages.push_back(read_message(message, name));
  }
  return saved;
}

void save_conversation(const SavedConversation& saved, std::string_view path) {
  write_file_atomically(expanded(path), serialize(saved), 0600);  // what was said is private
}

SavedConversation load_conversation(std::string_view path) {
  const std::optional<std::string> text = read_small_file(expanded(path), kConversationBytesMax);
  if (!text) throw Error(ErrorCode::kNotFound, "there is no file " + printable_quoted(path));
  return parse_conversation(*text, printable_quoted(path));
}

}  // namespace hearth
