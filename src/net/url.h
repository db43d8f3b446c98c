// Url: an absolute http(s) address, parsed once by the parser that will also connect (libcurl's),
// so that no two parsers can disagree about the host. Immutable. Refused: other schemes, user names
// and passwords, control characters, blanks and backslashes, anything longer than kUrlBytesMax.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hearth {

inline constexpr std::size_t kUrlBytesMax = 8192;  // signed CDN addresses reach 2 KB

class Url {
 public:
  static Url parse(std::string_view text);
  // The target of a redirect (absolute or relative, as in RFC 3986 §5) seen from this address.
  Url resolve(std::string_view reference) const;

  const std::string& text() const noexcept { return text_; }
  const std::string& scheme() const noexcept { return scheme_; }
  const std::string& host() const noexcept { return host_; }      // lower case, no brackets
  const std::string& path() const noexcept { return path_; }      // as sent, percent-encoded
  const std::string& origin() const noexcept { return origin_; }  // scheme://host:port
  bool encrypted() const noexcept { return scheme_ == "https"; }
  bool loopback() const noexcept;  // localhost, 127.0.0.0/8, ::1 by its spelling

 private:
  std::string text_, scheme_, host_, path_, origin_;
};

// Percent-encodes one path segment or query value: everything but unreserved characters.
std::string percent_encode(std::string_view text);

}  // namespace hearth
