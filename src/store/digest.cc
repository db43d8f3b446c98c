#include "store/digest.h"

#include <algorithm>
#include <span>

#include "base/error.h"

namespace hearth {

std::optional<Digest> Digest::try_parse(std::string_view text) noexcept {
  constexpr std::string_view kPrefix = "sha256:";
  if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() != 64 || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  return Digest(text);
}

Digest Digest::parse(std::string_view text, std::string_view what) {
  if (auto digest = try_parse(text)) return *digest;
  std::string shown(text.substr(0, 80));  // it may be anything: shortened, controls not printed
  std::ranges::replace_if(shown, [](char c) { return c < 0x20 || c == 0x7f; }, '?');
  throw Error(ErrorCode::kCorruptData, std::string(what) + " has the digest '" + shown +
                                           "', which is not a SHA-256 (64 hexadecimal digits)");
}

Digest Digest::of(std::string_view bytes) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(bytes)));
  return Digest(hash.finish());
}

}  // namespace hearth
