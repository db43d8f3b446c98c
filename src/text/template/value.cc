#include "text/template/value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace hearth::jinja {

Value make_none() noexcept {
  Value value;
  value.kind = Kind::kNone;
  return value;
}

Value make_bool(bool b) noexcept {
  Value value;
  value.kind = Kind::kBool;
  value.boolean = b;
  return value;
}

Value make_int(Int i) noexcept {
  Value value;
  value.kind = Kind::kInt;
  value.integer = i;
  return value;
}

Value make_float(double d) noexcept {
  Value value;
  value.kind = Kind::kFloat;
  value.number = d;
  return value;
}

Int Range::size() const noexcept {
  if (step > 0) return start < stop ? (stop - start - 1) / step + 1 : 0;
  return stop < start ? (start - stop - 1) / -step + 1 : 0;
}

const char* type_name(const Value& value) noexcept {
  switch (value.kind) {
    case Kind::kMissing:
    case Kind::kUndefined: return "Undefined";
    case Kind::kNone: return "NoneType";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int";
    case Kind::kFloat: return "float";
    case Kind::kString: return value.str->markup ? "Markup" : "str";
    case Kind::kList: return "list";
    case Kind::kTuple: return "tuple";
    case Kind::kDict: return "dict";
    case Kind::kDictView:
      switch (value.view->part) {
        case DictView::Part::kKeys: return "dict_keys";
        case DictView::Part::kValues: return "dict_values";
        case DictView::Part::kItems: return "dict_items";
      }
      return "dict_items";
    case Kind::kRange: return "range";
    case Kind::kGenerator: return value.generator->type_name;
    case Kind::kNamespace: return "Namespace";
    case Kind::kLoop: return "LoopContext";
    case Kind::kMacro: return "Macro";
    case Kind::kMethod: return "builtin_function_or_method";
    case Kind::kFunction: return "function";
  }
  return "object";
}

bool truthy(const Value& value) noexcept {
  switch (value.kind) {
    case Kind::kMissing:
    case Kind::kUndefined:
    case Kind::kNone: return false;
    case Kind::kBool: return value.boolean;
    case Kind::kInt: return value.integer != 0;
    case Kind::kFloat: return value.number != 0.0;
    case Kind::kString: return !value.str->text.empty();
    case Kind::kList:
    case Kind::kTuple: return !value.list->items.empty();
    case Kind::kDict: return !value.dict->items.empty();
    case Kind::kDictView: return !value.view->dict->items.empty();
    case Kind::kRange: return value.range->size() != 0;
    default: return true;
  }
}

int nesting(const Value& value) noexcept {
  switch (value.kind) {
    case Kind::kList:
    case Kind::kTuple: return value.list->depth;
    case Kind::kDict: return value.dict->depth;
    case Kind::kDictView: return value.view->dict->depth;
    default: return 0;
  }
}

std::string int_to_string(Int value) {
  if (value == 0) return "0";
  const bool negative = value < 0;
  std::string digits;
  while (value != 0) {
    const int digit = static_cast<int>(value % 10);
    digits.push_back(static_cast<char>('0' + (negative ? -digit : digit)));
    value /= 10;
  }
  if (negative) digits.push_back('-');
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string float_to_string(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto shortest =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<std::size_t>(shortest.ptr - buffer));
  const std::size_t e = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  if (exponent < -4 || exponent >= 16) return std::string(text);
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string plain(buffer, static_cast<std::size_t>(fixed.ptr - buffer));
  if (plain.find('.') == std::string::npos) plain += ".0";
  return plain;
}

std::optional<double> parse_double(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.front() == '+') return std::nullopt;
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ptr != text.data() + text.size()) return std::nullopt;
  if (read.ec == std::errc::result_out_of_range) {
    const bool tiny = text.find("e-") != std::string_view::npos ||
                      text.find("E-") != std::string_view::npos || text.find("0.") == 0;
    value = tiny ? 0.0 : HUGE_VAL;
    return text.front() == '-' ? -value : value;
  }
  if (read.ec != std::errc()) return std::nullopt;
  return value;
}

std::optional<Int> float_to_int(double value) noexcept {
  if (!(std::fabs(value) < 0x1p127)) return std::nullopt;
  return static_cast<Int>(value);
}

void each_user_span(const Str& str, std::size_t begin, std::size_t end,
                    const std::function<void(Span)>& take) {
  if (str.taint == Taint::kNone || begin >= end) return;
  if (str.taint == Taint::kAll) {
    take({0, end - begin});
    return;
  }
  auto span = std::partition_point(str.spans->begin(), str.spans->end(),
                                   [&](const Span& s) { return s.end <= begin; });
  for (; span != str.spans->end() && span->begin < end; ++span) {
    take({std::max(span->begin, begin) - begin, std::min(span->end, end) - begin});
  }
}

}  // namespace hearth::jinja
