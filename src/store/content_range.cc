#include "store/content_range.h"

#include <charconv>

namespace hearth {
namespace {

std::optional<std::uint64_t> number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view text) noexcept {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view range = text.substr(0, slash);
  const std::string_view total = text.substr(slash + 1);
  ContentRange parsed;
  if (total != "*" && !(parsed.total = number(total))) return std::nullopt;
  if (range == "*") return parsed;
  const auto dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  parsed.first = number(range.substr(0, dash));
  parsed.last = number(range.substr(dash + 1));
  if (!parsed.first || !parsed.last || *parsed.first > *parsed.last) return std::nullopt;
  if (parsed.total && *parsed.last >= *parsed.total) return std::nullopt;
  return parsed;
}

}  // namespace hearth
