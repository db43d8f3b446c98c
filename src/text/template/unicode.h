// Code points of UTF-8 text, and Python's notions of space, letter and case. Pure functions.
// A malformed byte is one character of its own (kMalformed + byte), so that lengths and slices stay
// defined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::jinja {

// Outside Unicode: no character test is true for it, and it is written back as the byte it was.
inline constexpr std::uint32_t kMalformed = 0x110000;

// The code point at `at`, which moves past it. `at` must be inside the text.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) noexcept;
// Start of the code point that ends at `end` (> 0).
std::size_t previous_code_point(std::string_view text, std::size_t end) noexcept;
std::size_t count_code_points(std::string_view text) noexcept;
// Byte offset of the code point number `index`, or the text's size when there are fewer.
std::size_t byte_offset(std::string_view text, std::size_t index) noexcept;
void append_code_point(std::string& text, std::uint32_t code_point);

bool is_space(std::uint32_t c) noexcept;     // str.isspace()
bool is_line_end(std::uint32_t c) noexcept;  // what str.splitlines() cuts at
bool is_alpha(std::uint32_t c) noexcept;
bool is_digit(std::uint32_t c) noexcept;  // decimal digits
bool is_alnum(std::uint32_t c) noexcept;
bool is_upper(std::uint32_t c) noexcept;
bool is_lower(std::uint32_t c) noexcept;
bool is_printable(std::uint32_t c) noexcept;  // repr() writes the others as escapes

enum class Case { kUpper, kLower, kTitle };
// Appends c in the given case; ß and the Latin ligatures grow as they do in Python.
void append_cased(std::string& text, std::uint32_t c, Case to);

std::string_view strip_left(std::string_view text) noexcept;
std::string_view strip_right(std::string_view text) noexcept;

}  // namespace hearth::jinja
