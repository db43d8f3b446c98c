#include "text/template/unicode.h"

#include <utf8proc.h>

#include <algorithm>

namespace hearth::jinja {
namespace {

utf8proc_category_t category(std::uint32_t c) noexcept {
  if (c >= kMalformed) return UTF8PROC_CATEGORY_CN;
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool continues(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xC0u) == 0x80u; }

// Characters whose upper case is more than one character (the common part of SpecialCasing.txt).
struct Expansion {
  std::uint32_t from;
  const char* upper;
  const char* title;
};
constexpr Expansion kExpansions[] = {
    {0xDF, "SS", "Ss"},     {0x149, "\xCA\xBCN", "\xCA\xBCN"},
    {0xFB00, "FF", "Ff"},   {0xFB01, "FI", "Fi"},
    {0xFB02, "FL", "Fl"},   {0xFB03, "FFI", "Ffi"},
    {0xFB04, "FFL", "Ffl"}, {0xFB05, "ST", "St"},
    {0xFB06, "ST", "St"},
};

}  // namespace

std::uint32_t next_code_point(std::string_view text, std::size_t& at) noexcept {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  utf8proc_int32_t decoded = -1;
  const std::size_t left = std::min<std::size_t>(text.size() - at, 4);
  const auto used = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                     static_cast<utf8proc_ssize_t>(left), &decoded);
  if (used <= 0) {
    ++at;
    return kMalformed + lead;
  }
  at += static_cast<std::size_t>(used);
  return static_cast<std::uint32_t>(decoded);
}

std::size_t previous_code_point(std::string_view text, std::size_t end) noexcept {
  const std::size_t lowest = end > 4 ? end - 4 : 0;
  for (std::size_t start = end - 1;; --start) {
    if (!continues(text[start])) {
      std::size_t after = start;
      next_code_point(text, after);
      return after == end ? start : end - 1;
    }
    if (start == lowest) return end - 1;
  }
}

std::size_t count_code_points(std::string_view text) noexcept {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) next_code_point(text, at);
  return count;
}

std::size_t byte_offset(std::string_view text, std::size_t index) noexcept {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) next_code_point(text, at);
  return at;
}

void append_code_point(std::string& text, std::uint32_t code_point) {
  if (code_point >= kMalformed) {
    text.push_back(static_cast<char>(code_point - kMalformed));
    return;
  }
  utf8proc_uint8_t buffer[4];
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), buffer);
  text.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(size));
}

bool is_space(std::uint32_t c) noexcept {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_line_end(std::uint32_t c) noexcept {
  return (c >= 10 && c <= 13) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

bool is_alpha(std::uint32_t c) noexcept {
  const auto cat = category(c);
  return cat >= UTF8PROC_CATEGORY_LU && cat <= UTF8PROC_CATEGORY_LO;
}

bool is_digit(std::uint32_t c) noexcept { return category(c) == UTF8PROC_CATEGORY_ND; }

bool is_alnum(std::uint32_t c) noexcept {
  const auto cat = category(c);
  return is_alpha(c) || (cat >= UTF8PROC_CATEGORY_ND && cat <= UTF8PROC_CATEGORY_NO);
}

bool is_upper(std::uint32_t c) noexcept { return category(c) == UTF8PROC_CATEGORY_LU; }

bool is_lower(std::uint32_t c) noexcept { return category(c) == UTF8PROC_CATEGORY_LL; }

bool is_printable(std::uint32_t c) noexcept {
  if (c == ' ') return true;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return false;
    default: return true;
  }
}

void append_cased(std::string& text, std::uint32_t c, Case to) {
  if (c >= kMalformed) {
    append_code_point(text, c);
    return;
  }
  if (to != Case::kLower) {
    for (const Expansion& expansion : kExpansions) {
      if (expansion.from != c) continue;
      text += to == Case::kUpper ? expansion.upper : expansion.title;
      return;
    }
  }
  const auto code = static_cast<utf8proc_int32_t>(c);
  const auto cased = to == Case::kUpper   ? utf8proc_toupper(code)
                     : to == Case::kLower ? utf8proc_tolower(code)
                                          : utf8proc_totitle(code);
  append_code_point(text, static_cast<std::uint32_t>(cased));
}

std::string_view strip_left(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t after = at;
    if (!is_space(next_code_point(text, after))) break;
    at = after;
  }
  return text.substr(at);
}

std::string_view strip_right(std::string_view text) noexcept {
  std::size_t end = text.size();
  while (end > 0) {
    const std::size_t start = previous_code_point(text, end);
    std::size_t at = start;
    if (!is_space(next_code_point(text, at))) break;
    end = start;
  }
  return text.substr(0, end);
}

}  // namespace hearth::jinja
