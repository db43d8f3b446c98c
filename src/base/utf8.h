// UTF-8 by the Unicode Standard's Table 3-7: overlong forms, surrogates and code points past
// U+10FFFF are malformed and never decoded. Stateless; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

enum class Utf8Kind : std::uint8_t {
  kCharacter,   // a well-formed character
  kMalformed,   // `length` bytes that no continuation can save: one U+FFFD stands for them
  kIncomplete,  // the text ends inside what could still become a character
};

struct Utf8Unit {
  Utf8Kind kind;
  std::uint8_t length;  // 1 to 4 bytes
};

// The first unit of `bytes`, which is not empty. A malformed unit is the longest prefix of a
// well-formed sequence ("maximal subpart"), at least one byte, as decoders on the web and Python
// replace it.
Utf8Unit first_utf8_unit(std::string_view bytes) noexcept;

// Number of leading bytes that are whole, well-formed characters.
std::size_t valid_utf8_prefix(std::string_view bytes) noexcept;

// Appends `bytes` with every malformed or incomplete unit as U+FFFD.
void append_repaired_utf8(std::string_view bytes, std::string& out);

}  // namespace hearth
