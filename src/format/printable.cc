#include "format/printable.h"

#include <cstdint>

#include "base/utf8.h"

namespace hearth {
namespace {

bool is_control(std::string_view character) {
  const auto first = static_cast<std::uint8_t>(character[0]);
  if (first < 0x20 || first == 0x7f) return true;
  return first == 0xc2 && static_cast<std::uint8_t>(character[1]) < 0xa0;  // U+0080..U+009F
}

void append_escaped(std::string& text, char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (byte) {
    case '\n': text += "\\n"; return;
    case '\r': text += "\\r"; return;
    case '\t': text += "\\t"; return;
    default: break;
  }
  const auto value = static_cast<std::uint8_t>(byte);
  text += "\\x";
  text += kDigits[value >> 4];
  text += kDigits[value & 15];
}

}  // namespace

std::string printable(std::string_view bytes, std::size_t limit) {
  std::string text;
  while (!bytes.empty()) {
    if (text.size() >= limit) return text + "…";
    const Utf8Unit unit = first_utf8_unit(bytes);
    const bool is_character = unit.kind == Utf8Kind::kCharacter;
    const std::string_view character = bytes.substr(0, is_character ? unit.length : 1);
    if (!is_character || is_control(character)) {
      for (const char byte : character) append_escaped(text, byte);
    } else {
      text += character;
    }
    bytes.remove_prefix(character.size());
  }
  return text;
}

std::string printable_quoted(std::string_view bytes) {
  std::string text(1, '\'');
  text += printable(bytes, 80);
  text += '\'';
  return text;
}

}  // namespace hearth
