// JsonDocument: a read-only view of untrusted JSON: every access says what was wanted and what was
// there. Shares ownership of the parsed text with the documents made from it. Immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth {

class JsonDocument {
 public:
  // kCorruptData when it is not one JSON object or list; `what` begins every message.
  static JsonDocument parse(std::string_view text, std::string_view what);

  bool is_object() const noexcept;
  bool contains(std::string_view key) const noexcept;  // and is not null
  std::string text(std::string_view key) const;    // a missing key or another type is kCorruptData
  std::uint64_t size(std::string_view key) const;  // a whole number ≥ 0
  JsonDocument child(std::string_view key) const;  // an object
  std::vector<JsonDocument> list(std::string_view key, std::size_t length_max) const;  // of objects

 private:
  JsonDocument(std::shared_ptr<const nlohmann::json> root, const nlohmann::json* node,
               std::string what)
      : root_(std::move(root)), node_(node), what_(std::move(what)) {}
  const nlohmann::json& at(std::string_view key) const;
  [[noreturn]] void refuse(std::string_view key, std::string_view wanted) const;

  std::shared_ptr<const nlohmann::json> root_;
  const nlohmann::json* node_;
  std::string what_;
};

}  // namespace hearth
