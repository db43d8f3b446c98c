// Hexadecimal digits of untrusted text. A pure function: any thread.
#pragma once

namespace hearth {

// The value of a hexadecimal digit, -1 for anything else.
constexpr int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace hearth
