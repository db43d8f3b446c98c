// Content-Range of a 206 or 416 answer (RFC 9110 §14.4): "bytes 5-9/10", "bytes */10". Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hearth {

struct ContentRange {
  std::optional<std::uint64_t> first, last;  // none for "*"
  std::optional<std::uint64_t> total;        // none for "*"
};

// Nothing when it is malformed or its numbers contradict each other.
std::optional<ContentRange> parse_content_range(std::string_view text) noexcept;

}  // namespace hearth
