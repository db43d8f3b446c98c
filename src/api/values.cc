#include "api/values.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "api/error.h"

namespace hearth {
namespace {

using nlohmann::json;

constexpr std::uint64_t kTokenIdMax = std::numeric_limits<TokenId>::max();

std::string indexed(std::string_view name, std::size_t i) {
  return std::string(name) + "[" + std::to_string(i) + "]";
}

[[noreturn]] void refuse(std::string name, const std::string& must_be) {
  std::string message = name + " must be " + must_be;
  throw FieldError(std::move(name), std::move(message));
}

// Also of 3.0, which check_fields() lets pass.
std::int64_t integer(const json& value) { return value.get<std::int64_t>(); }

std::vector<TokenId> tokens_of(const json& array, std::string_view name) {
  if (array.empty()) refuse(std::string(name), "an array of one token or more");
  std::vector<TokenId> tokens;
  tokens.reserve(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    // A negative integer is not is_number_unsigned().
    if (!array[i].is_number_unsigned() || array[i].get<std::uint64_t>() > kTokenIdMax) {
      refuse(indexed(name, i), "a token id: an integer from 0 to 2147483647");
    }
    tokens.push_back(array[i].get<TokenId>());
  }
  return tokens;
}

// Of 1 to `bytes_max` bytes.
std::string short_string(const json& value, std::string name, std::size_t bytes_max) {
  const std::size_t bytes = value.is_string() ? value.get_ref<const std::string&>().size() : 0;
  if (bytes == 0 || bytes > bytes_max) {
    refuse(std::move(name), "a string of 1 to " + std::to_string(bytes_max) + " bytes");
  }
  return value.get<std::string>();
}

// As the first of the array was.
TextOrTokens text_or_tokens(const json& value, std::string_view name, bool is_text) {
  if (is_text && value.is_string()) return value.get<std::string>();
  if (!is_text && value.is_array()) return tokens_of(value, name);
  refuse(std::string(name),
         is_text ? "a string, as the first is" : "an array of tokens, as the first is");
}

}  // namespace

const json* find_field(const json& object, std::string_view name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

bool read_field(const json& object, std::string_view name, std::string& out) {
  const json* value = find_field(object, name);
  if (value) out = value->get<std::string>();
  return value != nullptr;
}

bool read_field(const json& object, std::string_view name, bool& out) {
  const json* value = find_field(object, name);
  if (value) out = value->get<bool>();
  return value != nullptr;
}

bool read_field(const json& object, std::string_view name, float& out) {
  const json* value = find_field(object, name);
  if (value) out = value->get<float>();
  return value != nullptr;
}

bool read_field(const json& object, std::string_view name, int& out) {
  const json* value = find_field(object, name);
  if (value) out = static_cast<int>(integer(*value));
  return value != nullptr;
}

bool read_field(const json& object, std::string_view name, std::size_t& out) {
  const json* value = find_field(object, name);
  if (value) out = static_cast<std::size_t>(integer(*value));
  return value != nullptr;
}

bool read_field(const json& object, std::string_view name, std::optional<std::size_t>& out) {
  std::size_t value = 0;
  const bool found = read_field(object, name, value);
  if (found) out = value;
  return found;
}

bool read_seed(const json& object, std::uint64_t& out) {
  const json* value = find_field(object, "seed");
  if (!value) return false;
  out = value->is_number_unsigned() ? value->get<std::uint64_t>()
                                    : static_cast<std::uint64_t>(integer(*value));
  return true;
}

std::vector<std::string> read_strings(const json& object, std::string_view name,
                                      std::size_t count_max, std::size_t bytes_max) {
  const json* value = find_field(object, name);
  if (!value) return {};
  if (!value->is_array()) return {short_string(*value, std::string(name), bytes_max)};
  if (value->size() > count_max) {
    refuse(std::string(name), "at most " + std::to_string(count_max) + " strings");
  }
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < value->size(); ++i) {
    strings.push_back(short_string((*value)[i], indexed(name, i), bytes_max));
  }
  return strings;
}

std::vector<TextOrTokens> read_texts_or_tokens(const json& object, std::string_view name,
                                               std::size_t count_max) {
  const json* value = find_field(object, name);
  if (!value) return {};
  std::vector<TextOrTokens> all;
  if (value->is_string()) {
    all.emplace_back(value->get<std::string>());
    return all;
  }
  if (value->empty() || (*value)[0].is_number()) {
    all.emplace_back(tokens_of(*value, name));
    return all;
  }
  if (value->size() > count_max) {
    refuse(std::string(name), "at most " + std::to_string(count_max) + " entries");
  }
  const bool is_text = (*value)[0].is_string();
  if (!is_text && !(*value)[0].is_array()) {
    refuse(indexed(name, 0), "a string, a token id or an array of token ids");
  }
  all.reserve(value->size());
  for (std::size_t i = 0; i < value->size(); ++i) {
    all.push_back(text_or_tokens((*value)[i], indexed(name, i), is_text));
  }
  return all;
}

std::vector<TokenId> read_tokens(const json& object, std::string_view name) {
  const json* value = find_field(object, name);
  return value && !value->empty() ? tokens_of(*value, name) : std::vector<TokenId>();
}

}  // namespace hearth
