#include "format/gguf_shards.h"

#include <cstdio>

namespace hearth {
namespace {

constexpr std::string_view kExtension = ".gguf";
constexpr std::string_view kOf = "-of-";
constexpr std::size_t kDigits = 5;

std::optional<std::uint32_t> parse_digits(std::string_view text) {
  std::uint32_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  return value;
}

}  // namespace

std::optional<ShardName> parse_shard_name(std::string_view file_name) {
  if (!file_name.ends_with(kExtension)) return std::nullopt;
  file_name.remove_suffix(kExtension.size());
  constexpr std::size_t kTail = 1 + kDigits + kOf.size() + kDigits;  // "-00002-of-00005"
  if (file_name.size() < kTail) return std::nullopt;
  const std::string_view stem = file_name.substr(0, file_name.size() - kTail);
  const std::string_view tail = file_name.substr(stem.size());
  if (tail[0] != '-' || tail.substr(1 + kDigits, kOf.size()) != kOf) return std::nullopt;
  const auto number = parse_digits(tail.substr(1, kDigits));
  const auto count = parse_digits(tail.substr(kTail - kDigits));
  if (!number || !count || *number < 1 || *number > *count) return std::nullopt;
  return ShardName{std::string(stem), *number, *count};
}

std::string format_shard_name(const ShardName& name) {
  char tail[40];  // two numbers of at most 10 digits, and 11 characters around them
  std::snprintf(tail, sizeof(tail), "-%05u-of-%05u.gguf", name.number, name.count);
  return name.stem + tail;
}

}  // namespace hearth
