#include "store/json_document.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace hearth {

JsonDocument JsonDocument::parse(std::string_view text, std::string_view what) {
  auto root = std::make_shared<const nlohmann::json>(nlohmann::json::parse(text, nullptr, false));
  if (!root->is_object()) {
    const bool page = text.find_first_not_of(" \t\r\n") != std::string_view::npos &&
                      text[text.find_first_not_of(" \t\r\n")] == '<';
    throw Error(ErrorCode::kCorruptData,
                std::string(what) + (page ? " is a web page, not JSON: is a login or proxy page in "
                                            "between?"
                                          : " is not a JSON object"));
  }
  const nlohmann::json* node = root.get();
  return {std::move(root), node, std::string(what)};
}

void JsonDocument::refuse(std::string_view key, std::string_view wanted) const {
  throw Error(ErrorCode::kCorruptData,
              what_ + ": '" + std::string(key) + "' is not " + std::string(wanted));
}

bool JsonDocument::is_object() const noexcept { return node_->is_object(); }

bool JsonDocument::contains(std::string_view key) const noexcept {
  const auto found = node_->find(key);
  return found != node_->end() && !found->is_null();
}

const nlohmann::json& JsonDocument::at(std::string_view key) const {
  const auto found = node_->find(key);
  if (found == node_->end()) refuse(key, "there");
  return *found;
}

std::string JsonDocument::text(std::string_view key) const {
  const nlohmann::json& value = at(key);
  if (!value.is_string()) refuse(key, "a text");
  return value.get<std::string>();
}

std::uint64_t JsonDocument::size(std::string_view key) const {
  const nlohmann::json& value = at(key);
  if (!value.is_number_unsigned()) refuse(key, "a whole number");
  return value.get<std::uint64_t>();
}

JsonDocument JsonDocument::child(std::string_view key) const {
  const nlohmann::json& value = at(key);
  if (!value.is_object()) refuse(key, "an object");
  return {root_, &value, what_};
}

std::vector<JsonDocument> JsonDocument::list(std::string_view key, std::size_t length_max) const {
  const nlohmann::json& value = at(key);
  if (!value.is_array()) refuse(key, "a list");
  if (value.size() > length_max) {
    refuse(key, "a list of at most " + std::to_string(length_max) + " entries");
  }
  std::vector<JsonDocument> entries;
  entries.reserve(value.size());
  for (const nlohmann::json& entry : value) {
    if (!entry.is_object()) refuse(key, "a list of objects");
    entries.push_back(JsonDocument(root_, &entry, what_));
  }
  return entries;
}

}  // namespace hearth
