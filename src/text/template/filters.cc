#include "text/template/filters.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/template/operations.h"
#include "text/template/text_operations.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

using V = Value;

V soft_text(Run& run, const V& value) { return to_text(run, value); }

V make_text(Run& run, const V& value) {
  const V text = to_text(run, value);
  return run.markup(text, false);
}

V default_filter(Run&, const V& self, const Bound& a) {
  const bool replaced =
      self.is(Kind::kUndefined) || (!a[1].missing() && truthy(a[1]) && !truthy(self));
  return replaced ? a[0] : self;
}

V default_or_empty(Run& run, const V& self, const Bound& a) {
  const V chosen = default_filter(run, self, a);
  return chosen.missing() ? run.static_text("") : chosen;
}

V length_filter(Run& run, const V& self, const Bound&) {
  const auto length = length_of(run, self);
  if (!length) run.fail(std::string("object of type '") + type_name(self) + "' has no len()");
  return make_int(*length);
}

V trim(Run& run, const V& self, const Bound& a) {
  return strip(run, *soft_text(run, self).str, a[0], Side::kBoth);
}

V replace_filter(Run& run, const V& self, const Bound& a) {
  const V text = make_text(run, self);
  return replace(run, *text.str, *make_text(run, a[0]).str, *make_text(run, a[1]).str,
                 int_argument(run, a[2], -1), false);
}

// Text that tojson puts between values; a user's words have no place there.
std::string own_words(Run& run, const V& value) {
  const Str& str = *text_argument(run, value, "tojson");
  if (str.taint != Taint::kNone) run.fail("tojson's indent and separators come from the template");
  run.charge_bytes(str.text.size());
  return std::string(str.text);
}

std::optional<std::string> json_indent(Run& run, const V& value) {
  if (value.missing() || value.is(Kind::kNone)) return std::nullopt;
  if (value.is(Kind::kString)) return own_words(run, value);
  const Int width = int_argument(run, value, 0);
  if (width > 1000) run.fail_limit("tojson indents by at most 1000");
  return std::string(static_cast<std::size_t>(std::max(width, Int{0})), ' ');
}

V tojson(Run& run, const V& self, const Bound& a) {
  JsonStyle style;
  style.ascii = !a[0].missing() && truthy(a[0]);
  style.indent = json_indent(run, a[1]);
  if (style.indent) style.item_separator = std::string(1, ',');
  if (!a[2].missing() && !a[2].is(Kind::kNone)) {
    const auto pair = to_vector(run, a[2]);
    if (pair.size() != 2) run.fail("tojson's separators are a pair");
    style.item_separator = own_words(run, pair[0]);
    style.key_separator = own_words(run, pair[1]);
  }
  style.sort_keys = !a[3].missing() && truthy(a[3]);
  return to_json(run, self, style);
}

V indent(Run& run, const V& self, const Bound& a) {
  const Str& str = *text_argument(run, self, "indent");
  Value by = a[0];
  if (!by.is(Kind::kString)) {
    const Int width = int_argument(run, a[0], 4);
    if (width > 1000) run.fail_limit("indent indents by at most 1000");
    by = run.text(std::string(static_cast<std::size_t>(std::max(width, Int{0})), ' '));
  }
  const bool blank = !a[2].missing() && truthy(a[2]);
  TextBuilder out(run);
  TextBuilder ended(run);
  ended.append(str);
  ended.append("\n");  // as Jinja does, so that the last line always counts
  const V text = ended.finish(str.markup);
  const V lines = split_lines(run, *text.str, false);
  for (std::size_t i = 0; i < lines.list->items.size(); ++i) {
    const Str& line = *lines.list->items[i].str;
    if (i > 0) out.append("\n");
    const bool indented = i == 0 ? !a[1].missing() && truthy(a[1]) : blank || !line.text.empty();
    if (indented) out.append(*by.str);
    out.append(line);
  }
  return out.finish(str.markup);
}

// int(text, base) as Python reads it: spaces around, a sign, underscores between digits.
std::optional<Int> parse_int(std::string_view text, int base) {
  text = strip_left(strip_right(text));
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.size() > 2 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    const int marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (marked != 0 && (base == marked || base == 0)) {
      base = marked;
      text.remove_prefix(2);
    }
  }
  if (base == 0) base = 10;
  Int value = 0;
  if (text.empty()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '_' && i > 0 && i + 1 < text.size() && text[i - 1] != '_') continue;
    const int digit = c >= '0' && c <= '9'                     ? c - '0'
                      : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (c | 0x20) - 'a' + 10
                                                               : 99;
    if (digit >= base || __builtin_mul_overflow(value, Int{base}, &value) ||
        __builtin_add_overflow(value, Int{digit}, &value)) {
      return std::nullopt;
    }
  }
  return negative ? -value : value;
}

std::optional<double> parse_float(std::string_view text) {
  return parse_double(strip_left(strip_right(text)));
}

V int_filter(Run& run, const V& self, const Bound& a) {
  const V otherwise = a[0].missing() ? make_int(0) : a[0];
  if (self.is_integral()) return make_int(self.as_int());
  std::optional<Int> result;
  if (self.is(Kind::kFloat)) {
    result = float_to_int(self.number);
  } else if (self.is(Kind::kString)) {
    const Int base = int_argument(run, a[1], 10);
    if (base < 0 || base > 36 || base == 1) return otherwise;
    run.charge_reading(self.str->text.size());
    result = parse_int(self.str->text, static_cast<int>(base));
    if (!result) {
      const auto number = parse_float(self.str->text);
      if (number) result = float_to_int(*number);
    }
  } else if (self.is(Kind::kUndefined)) {
    fail_undefined(run, self);
  }
  return result ? make_int(*result) : otherwise;
}

V float_filter(Run& run, const V& self, const Bound& a) {
  if (self.is_number()) return make_float(self.as_double());
  if (self.is(Kind::kUndefined)) fail_undefined(run, self);
  if (self.is(Kind::kString)) {
    run.charge_reading(self.str->text.size());
    if (const auto value = parse_float(self.str->text)) return make_float(*value);
  }
  return a[0].missing() ? make_float(0) : a[0];
}

V abs_filter(Run& run, const V& self, const Bound&) {
  if (self.is_integral()) return self.as_int() < 0 ? negate(run, self) : make_int(self.as_int());
  if (self.is(Kind::kFloat)) return make_float(std::fabs(self.number));
  if (self.is(Kind::kUndefined)) fail_undefined(run, self);
  run.fail(std::string("bad operand type for abs(): '") + type_name(self) + "'");
}

V round_filter(Run& run, const V& self, const Bound& a) {
  if (!self.is_number()) {
    if (self.is(Kind::kUndefined)) fail_undefined(run, self);
    run.fail(std::string("round wants a number, got ") + type_name(self));
  }
  const Int precision = int_argument(run, a[0], 0);
  const std::string_view method =
      a[1].missing() ? std::string_view("common") : text_argument(run, a[1], "round")->text;
  if (precision < -30 || precision > 30) run.fail_limit("round wants a precision within 30 digits");
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double value = self.as_double();
  if (method == "ceil") return make_float(std::ceil(value * scale) / scale);
  if (method == "floor") return make_float(std::floor(value * scale) / scale);
  if (method != "common") run.fail("round's method is common, ceil or floor");
  if (self.is_integral() && precision >= 0) return make_int(self.as_int());
  if (precision < 0) {
    const double rounded = std::nearbyint(value * scale) / scale;  // ties to even, as Python
    if (!self.is_integral()) return make_float(rounded);
    return make_int(float_to_int(rounded).value_or(self.as_int()));
  }
  if (!std::isfinite(value)) return self;
  char buffer[400];  // 309 digits before the point, 30 after
  const auto written = std::to_chars(buffer, buffer + sizeof buffer, value,
                                     std::chars_format::fixed, static_cast<int>(precision));
  return make_float(
      parse_double(std::string_view(buffer, static_cast<std::size_t>(written.ptr - buffer)))
          .value_or(value));
}

V wordcount(Run& run, const V& self, const Bound&) {
  const V text = soft_text(run, self);
  Int words = 0;
  bool inside = false;
  for (TextReader reader(run, *text.str); reader.more();) {
    const std::uint32_t c = reader.next();
    const bool word = is_alnum(c) || c == '_';
    if (word && !inside) ++words;
    inside = word;
  }
  return make_int(words);
}

V truncate(Run& run, const V& self, const Bound& a) {
  const Str& str = *text_argument(run, self, "truncate");
  const Int length = int_argument(run, a[0], 255);
  const V end = a[2].missing() ? run.static_text("...") : a[2];
  const Int end_length = static_cast<Int>(run.length(*text_argument(run, end, "truncate")));
  const Int leeway = int_argument(run, a[3], 5);
  if (length < end_length || leeway < 0)
    run.fail("truncate wants a length of at least its ending's");
  if (static_cast<Int>(run.length(str)) <= length + leeway) return self;
  V kept = get_slice(run, self, make_int(0), make_int(length - end_length), V{});
  if (a[1].missing() || !truthy(a[1])) {
    const std::size_t space = find_last(run, kept.str->text, " ");
    if (space != std::string_view::npos) kept = run.slice(*kept.str, 0, space);
  }
  return concatenate(run, kept, end);
}

V format_filter(Run& run, const V& self, const Bound& a) {
  if (!a.all->positional.empty() && !a.all->named.empty()) {
    run.fail("format takes either positional or named arguments");
  }
  if (a.all->named.empty()) {
    return percent_format(run, soft_text(run, self), run.list(a.all->positional, Kind::kTuple));
  }
  std::vector<std::pair<V, V>> items;
  for (const auto& [name, value] : a.all->named) items.emplace_back(run.static_text(name), value);
  return percent_format(run, soft_text(run, self), run.dict(std::move(items)));
}

V attr(Run& run, const V& self, const Bound& a) {
  const Str& name = *text_argument(run, a[0], "attr");
  if (name.text.starts_with("__")) return run.undefined_attribute(self, name.text);
  if (self.is(Kind::kDict) && find_method(self, name.text) == nullptr) {
    return run.undefined_attribute(self, name.text);
  }
  return get_attribute(run, self, name.text);
}

V center(Run& run, const V& self, const Bound& a) {
  return pad(run, *soft_text(run, self).str, int_argument(run, a[0], 80), ' ', Side::kBoth);
}

V safe(Run& run, const V& self, const Bound&) { return run.markup(to_text(run, self), true); }

#define HEARTH_TEXT_FILTER(result) [](Run& run, const V& self, const Bound&) { return result; }

constexpr Native kTextFilters[] = {
    {"default", "default_value? boolean?", default_or_empty},
    {"d", "default_value? boolean?", default_or_empty},
    {"length", "", length_filter},
    {"count", "", length_filter},
    {"string", "", HEARTH_TEXT_FILTER(soft_text(run, self))},
    {"trim", "chars?", trim},
    {"upper", "", HEARTH_TEXT_FILTER(upper(run, *soft_text(run, self).str))},
    {"lower", "", HEARTH_TEXT_FILTER(lower(run, *soft_text(run, self).str))},
    {"capitalize", "", HEARTH_TEXT_FILTER(capitalize(run, *soft_text(run, self).str))},
    {"title", "", HEARTH_TEXT_FILTER(filter_title(run, *soft_text(run, self).str))},
    {"replace", "old new count?", replace_filter},
    {"tojson", "ensure_ascii? indent? separators? sort_keys?", tojson},
    {"from_json", "", HEARTH_TEXT_FILTER(from_json(run, self))},
    {"indent", "width? first? blank?", indent},
    {"int", "default? base?", int_filter},
    {"float", "default?", float_filter},
    {"abs", "", abs_filter},
    {"round", "precision? method?", round_filter},
    {"wordcount", "", wordcount},
    {"truncate", "length? killwords? end? leeway?", truncate},
    {"format", "*", format_filter},
    {"attr", "name", attr},
    {"center", "width?", center},
    {"safe", "", safe},
    {"escape", "", HEARTH_TEXT_FILTER(escape_html(run, self))},
    {"e", "", HEARTH_TEXT_FILTER(escape_html(run, self))},
    {"forceescape", "", HEARTH_TEXT_FILTER(escape_html(run, make_text(run, self)))},
};

#undef HEARTH_TEXT_FILTER

}  // namespace

const Native* find_filter(std::string_view name) noexcept {
  for (const Native& filter : kTextFilters) {
    if (filter.name == name) return &filter;
  }
  return find_sequence_filter(name);
}

}  // namespace hearth::jinja
