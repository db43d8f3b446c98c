#include "text/template/text_operations.h"

#include <algorithm>
#include <cstring>

#include "text/template/native.h"
#include "text/template/operations.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

constexpr std::size_t kNpos = std::string_view::npos;

template <typename Choose>
Value recase(Run& run, const Str& str, Choose choose) {
  TextBuilder out(run);
  std::string cased;
  for (TextReader reader(run, str); reader.more();) {
    const std::uint32_t c = reader.next();
    cased.clear();
    append_cased(cased, c, choose(c));
    out.append(cased, reader.from_user());
  }
  return out.finish(str.markup);
}

// Words between white space, from the left; once `max` words are out, the rest is one piece.
Value split_words(Run& run, const Str& str, Int max) {
  std::vector<Value> parts;
  std::size_t at = str.text.size() - strip_left(str.text).size();
  for (; at < str.text.size() && max != 0; --max) {
    const std::size_t begin = at;
    std::size_t end = at;
    while (at < str.text.size() && !is_space(next_code_point(str.text, at))) end = at;
    parts.push_back(run.slice(str, begin, end));
    at = str.text.size() - strip_left(str.text.substr(end)).size();
  }
  if (at < str.text.size()) parts.push_back(run.slice(str, at, str.text.size()));
  return run.list(std::move(parts));
}

Value split_words_from_right(Run& run, const Str& str, Int max) {
  std::vector<Value> parts;
  std::size_t end = strip_right(str.text).size();
  for (; end > 0 && max != 0; --max) {
    std::size_t begin = end;
    while (begin > 0) {
      const std::size_t start = previous_code_point(str.text, begin);
      std::size_t at = start;
      if (is_space(next_code_point(str.text, at))) break;
      begin = start;
    }
    parts.push_back(run.slice(str, begin, end));
    end = strip_right(str.text.substr(0, begin)).size();
  }
  if (end > 0) parts.push_back(run.slice(str, 0, end));
  std::reverse(parts.begin(), parts.end());
  return run.list(std::move(parts));
}

}  // namespace

Value strip(Run& run, const Str& str, const Value& characters, Side side) {
  std::size_t begin = 0;
  std::size_t end = str.text.size();
  std::vector<std::uint32_t> set;
  const bool spaces = characters.missing() || characters.is(Kind::kNone);
  if (!spaces) {
    const Str& chars = *text_argument(run, characters, "strip");
    for (TextReader reader(run, chars); reader.more();) set.push_back(reader.next());
  }
  const auto goes = [&](std::uint32_t c) {
    run.charge_bytes(2 * set.size());  // 64 compared in the time of one operation
    return spaces ? is_space(c) : std::find(set.begin(), set.end(), c) != set.end();
  };
  while (side != Side::kRight && begin < end) {
    std::size_t after = begin;
    if (!goes(next_code_point(str.text, after))) break;
    begin = after;
  }
  while (side != Side::kLeft && end > begin) {
    const std::size_t start = previous_code_point(str.text, end);
    std::size_t at = start;
    if (!goes(next_code_point(str.text, at))) break;
    end = start;
  }
  return run.slice(str, begin, end);
}

std::size_t find(Run& run, std::string_view text, std::string_view part, std::size_t from) {
  if (from > text.size() || part.size() > text.size() - from) return kNpos;
  run.charge_reading(part.size());
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  if (part.empty()) return from;
  const std::size_t at =
      found == nullptr ? kNpos
                       : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
  run.charge_reading((at == kNpos ? text.size() : at) - from);
  return at;
}

std::size_t find_last(Run& run, std::string_view text, std::string_view part) {
  // Searching the mirror images stays linear, whatever the texts.
  if (part.size() > text.size()) return kNpos;
  run.charge_bytes(2 * text.size());
  const std::string mirrored(text.rbegin(), text.rend());
  const std::string wanted(part.rbegin(), part.rend());
  const std::size_t at = find(run, mirrored, wanted);
  return at == kNpos ? kNpos : text.size() - at - part.size();
}

Value replace(Run& run, const Str& str, const Str& from, const Str& to, Int count, bool markup) {
  TextBuilder out(run);
  std::size_t at = 0;
  if (from.text.empty()) {
    run.charge_reading(str.text.size());
    for (; count != 0 && at < str.text.size(); --count) {
      const std::size_t begin = at;
      out.append(to);
      next_code_point(str.text, at);
      out.append(str, begin, at);
    }
    if (count != 0) out.append(to);
  }
  for (; !from.text.empty() && count != 0; --count) {
    const std::size_t found = find(run, str.text, from.text, at);
    if (found == kNpos) break;
    out.append(str, at, found);
    out.append(to);
    at = found + from.text.size();
  }
  out.append(str, at, str.text.size());
  return out.finish(markup);
}

Value split(Run& run, const Str& str, const Value& separator, Int max, bool from_right) {
  if (separator.missing() || separator.is(Kind::kNone)) {
    run.charge_reading(str.text.size());
    return from_right ? split_words_from_right(run, str, max) : split_words(run, str, max);
  }
  const std::string_view by = text_argument(run, separator, "split")->text;
  if (by.empty()) run.fail("split got an empty separator");
  std::vector<Value> parts;
  if (from_right) {
    run.charge_bytes(str.text.size() + by.size());
    const std::string mirrored(str.text.rbegin(), str.text.rend());
    const std::string wanted(by.rbegin(), by.rend());
    std::size_t end = str.text.size();
    for (; max != 0; --max) {
      const std::size_t found = find(run, mirrored, wanted, str.text.size() - end);
      if (found == kNpos) break;
      const std::size_t after = str.text.size() - found;
      parts.push_back(run.slice(str, after, end));
      end = after - by.size();
    }
    parts.push_back(run.slice(str, 0, end));
    std::reverse(parts.begin(), parts.end());
    return run.list(std::move(parts));
  }
  std::size_t at = 0;
  for (; max != 0; --max) {
    const std::size_t found = find(run, str.text, by, at);
    if (found == kNpos) break;
    parts.push_back(run.slice(str, at, found));
    at = found + by.size();
  }
  parts.push_back(run.slice(str, at, str.text.size()));
  return run.list(std::move(parts));
}

Value split_lines(Run& run, const Str& str, bool keep_ends) {
  run.charge_reading(str.text.size());
  std::vector<Value> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < str.text.size();) {
    const std::size_t end = at;
    const std::uint32_t c = next_code_point(str.text, at);
    if (!is_line_end(c)) continue;
    if (c == '\r' && at < str.text.size() && str.text[at] == '\n') ++at;
    lines.push_back(run.slice(str, begin, keep_ends ? at : end));
    begin = at;
  }
  if (begin < str.text.size()) lines.push_back(run.slice(str, begin, str.text.size()));
  return run.list(std::move(lines));
}

Value upper(Run& run, const Str& str) {
  return recase(run, str, [](std::uint32_t) { return Case::kUpper; });
}

Value lower(Run& run, const Str& str) {
  return recase(run, str, [](std::uint32_t) { return Case::kLower; });
}

Value capitalize(Run& run, const Str& str) {
  bool first = true;
  return recase(run, str, [&](std::uint32_t) {
    return std::exchange(first, false) ? Case::kTitle : Case::kLower;
  });
}

Value title(Run& run, const Str& str) {
  bool inside = false;
  return recase(run, str, [&](std::uint32_t c) {
    return std::exchange(inside, is_upper(c) || is_lower(c)) ? Case::kLower : Case::kTitle;
  });
}

Value filter_title(Run& run, const Str& str) {
  bool start = true;
  return recase(run, str, [&](std::uint32_t c) {
    const bool separates = is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
    return std::exchange(start, separates) ? Case::kUpper : Case::kLower;
  });
}

Value join(Run& run, const Str& separator, const std::vector<Value>& items, bool strict) {
  TextBuilder out(run);
  for (std::size_t i = 0; i < items.size(); ++i) {
    run.charge();
    if (strict && !items[i].is(Kind::kString)) {
      run.fail(std::string("join wants strings, got ") + type_name(items[i]));
    }
    if (i > 0) out.append(separator);
    if (strict && separator.markup) {
      out.append(*escape_html(run, items[i]).str);
    } else {
      print(run, items[i], out);
    }
  }
  return out.finish(strict && separator.markup);
}

Value pad(Run& run, const Str& str, Int width, char fill, Side side) {
  const Int length = static_cast<Int>(run.length(str));
  const Int missing = width > length ? width - length : 0;
  if (missing > static_cast<Int>(run.limits().text_bytes)) run.fail_limit("a text grows too long");
  // str.center puts the odd space on the left when the width is odd.
  const Int left = side == Side::kRight  ? missing
                   : side == Side::kLeft ? 0
                                         : missing / 2 + (missing & width & 1);
  TextBuilder out(run);
  out.repeat(fill, static_cast<std::size_t>(left));
  out.append(str);
  out.repeat(fill, static_cast<std::size_t>(missing - left));
  return out.finish(str.markup);
}

}  // namespace hearth::jinja
