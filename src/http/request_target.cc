#include "http/request_target.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "http/hex.h"

namespace hearth {
namespace {

enum class Plus { kPlus, kSpace };

std::optional<std::string> percent_decoded(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' && plus == Plus::kSpace ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  if (valid_utf8_prefix(out) != out.size()) return std::nullopt;
  return out;
}

// C0, DEL, and C1, which valid UTF-8 writes as C2 80 … C2 9F.
bool has_control_character(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7F) return true;
    if (c == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
  }
  return false;
}

bool has_dot_segment(std::string_view path) noexcept {
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment == "." || segment == "..") return true;
    begin = end + 1;
  }
  return false;
}

std::optional<HttpFields> parse_query(std::string_view text) {
  HttpFields fields;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('&', begin), text.size());
    const std::string_view field = text.substr(begin, end - begin);
    begin = end + 1;
    if (field.empty()) continue;
    const std::size_t equals = std::min(field.find('='), field.size());
    auto name = percent_decoded(field.substr(0, equals), Plus::kSpace);
    auto value = percent_decoded(field.substr(std::min(equals + 1, field.size())), Plus::kSpace);
    if (!name || !value) return std::nullopt;
    fields.emplace_back(*std::move(name), *std::move(value));
  }
  return fields;
}

// Moves the authority of "http://authority/…" out of `target`. False for an empty one.
bool split_authority(std::string_view& target, std::string& authority) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    authority = target.substr(0, end);
    target.remove_prefix(end);
    return !authority.empty();
  }
  return true;
}

}  // namespace

std::optional<RequestTarget> parse_request_target(std::string_view target) {
  const bool visible =
      std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (!visible || target.find('#') != std::string_view::npos) return std::nullopt;
  RequestTarget out;
  if (!split_authority(target, out.authority)) return std::nullopt;
  const std::size_t mark = std::min(target.find('?'), target.size());
  auto path = percent_decoded(target.substr(0, mark), Plus::kPlus);
  auto query = parse_query(target.substr(std::min(mark + 1, target.size())));
  if (!path || !query) return std::nullopt;
  if (path->empty() && !out.authority.empty()) path = "/";
  if (!path->starts_with('/') || has_control_character(*path) || has_dot_segment(*path)) {
    return std::nullopt;
  }
  out.path = *std::move(path);
  out.query = *std::move(query);
  return out;
}

}  // namespace hearth
