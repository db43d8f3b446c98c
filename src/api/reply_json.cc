#include "api/reply_json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace hearth {

std::string to_text(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string json_string(std::string_view text) { return to_text(nlohmann::ordered_json(text)); }

std::string number_text(float value) {
  std::array<char, 32> digits;  // at most 15: "-1.17549435e-38"
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

double shortest_double(float value) {
  const std::string digits = number_text(value);
  double number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

std::string number_array(std::span<const float> values) {
  std::string text = "[";
  for (const float value : values) {
    if (text.size() > 1) text += ',';
    text += std::isfinite(value) ? number_text(value) : "null";
  }
  return text + "]";
}

}  // namespace hearth
