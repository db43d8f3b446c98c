// Digest: a SHA-256 as a name. Parse or reject; 64 lower-case hexadecimal digits and nothing else
// ever become part of a path in the store, so no text from outside can name a file. Immutable
// value.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace hearth {

class Digest {
 public:
  // "sha256:" and 64 lower-case digits, or the digits alone; anything else is kCorruptData (`what`
  // names whose digest it was) or nothing.
  static Digest parse(std::string_view text, std::string_view what);
  static std::optional<Digest> try_parse(std::string_view text) noexcept;
  static Digest of(std::string_view bytes);
  explicit Digest(const Sha256Bytes& bytes) : hex_(to_hex(bytes)) {}

  const std::string& hex() const noexcept { return hex_; }
  auto operator<=>(const Digest&) const = default;

 private:
  explicit Digest(std::string_view hex) : hex_(hex) {}
  std::string hex_;
};

}  // namespace hearth
