#include "api/harmless.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace hearth {
namespace {

using nlohmann::json;

bool is(const json& value, std::string_view text) {
  return value.is_string() && value.get_ref<const std::string&>() == text;
}

// {"type": text} and nothing else.
bool is_of_type(const json& value, std::string_view text) {
  return value.is_object() && value.size() == 1 && value.contains("type") &&
         is(value["type"], text);
}

}  // namespace

bool is_empty_or_false(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  if (value.is_boolean()) return !value.get<bool>();
  return value.empty();
}

bool is_text(const json& value) { return is(value, "text"); }

bool is_text_alone(const json& value) {
  const bool list = value.is_array() && value.size() == 1 && is(value[0], "text");
  return list || is_of_type(value, "text");
}

bool is_function(const json& value) { return is(value, "function"); }

bool is_no_tool_forced(const json& value) {
  return is(value, "none") || is(value, "auto") || is_of_type(value, "none") ||
         is_of_type(value, "auto");
}

bool is_disabled(const json& value) { return is_of_type(value, "disabled"); }
bool is_no_effort(const json& value) { return is(value, "none"); }
bool is_medium(const json& value) { return is(value, "medium"); }

bool is_ordinary_service(const json& value) {
  return is(value, "auto") || is(value, "default") || is(value, "standard") ||
         is(value, "standard_only");
}

}  // namespace hearth
