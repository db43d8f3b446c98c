#include "api/duration.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace hearth {
namespace {

constexpr double kSecondsMax = 9223372036.854775807;  // 2^63 - 1 ns
constexpr std::string_view kDigits = "0123456789.";

struct Unit {
  std::string_view name;
  double seconds;
};
// Both characters that look like a micro sign: U+00B5 and U+03BC.
constexpr Unit kUnits[] = {{"ns", 1e-9}, {"us", 1e-6}, {"\xC2\xB5s", 1e-6}, {"\xCE\xBCs", 1e-6},
                           {"ms", 1e-3}, {"s", 1},     {"m", 60},           {"h", 3600}};

std::optional<double> take_number(std::string_view& text) {
  const std::size_t size = std::min(text.find_first_not_of(kDigits), text.size());
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + size, value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + size) return std::nullopt;
  text.remove_prefix(size);
  return value;
}

std::optional<double> take_unit(std::string_view& text) {
  const std::string_view name = text.substr(0, text.find_first_of(kDigits));
  const Unit* unit = std::ranges::find(kUnits, name, &Unit::name);
  if (unit == std::end(kUnits)) return std::nullopt;
  text.remove_prefix(name.size());
  return unit->seconds;
}

}  // namespace

std::optional<double> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0.0;
  if (text.empty()) return std::nullopt;
  double seconds = 0;
  while (!text.empty()) {
    const std::optional<double> number = take_number(text);
    if (!number) return std::nullopt;
    const std::optional<double> unit = take_unit(text);
    if (!unit) return std::nullopt;
    seconds += *number * *unit;
  }
  if (seconds > kSecondsMax) return std::nullopt;
  return negative ? -seconds : seconds;
}

}  // namespace hearth
