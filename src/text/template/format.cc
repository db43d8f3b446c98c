// 'format % values' (printf's directives) and 'format'.format(...) (braces).
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "text/template/native.h"
#include "text/template/operations.h"
#include "text/template/text_operations.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

// More digits than any double has before and after its point; a wider field is padding only.
constexpr int kPrecisionMax = 340;

struct Spec {
  char fill = ' ';
  char align = '\0';  // '<', '>', '^', '='
  bool plus = false;
  bool space = false;
  bool alternate = false;
  char grouping = '\0';
  Int width = 0;
  int precision = -1;
  char type = '\0';
};

std::string group_digits(const std::string& digits, char separator) {
  std::string out;
  const std::size_t whole = digits.find_first_not_of("0123456789");
  const std::size_t size = whole == std::string::npos ? digits.size() : whole;
  for (std::size_t i = 0; i < size; ++i) {
    if (i > 0 && (size - i) % 3 == 0) out.push_back(separator);
    out.push_back(digits[i]);
  }
  return out + digits.substr(size);
}

std::string radix(Int magnitude, int base, bool upper) {
  if (base == 10) return int_to_string(magnitude);
  std::string digits;
  do {
    digits.push_back(
        (upper ? "0123456789ABCDEF" : "0123456789abcdef")[static_cast<int>(magnitude % base)]);
    magnitude /= base;
  } while (magnitude != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string float_digits(double magnitude, const Spec& spec) {
  if (spec.type == '\0' && spec.precision < 0) return float_to_string(magnitude);
  if (!std::isfinite(magnitude)) return std::isnan(magnitude) ? "nan" : "inf";
  const char type = static_cast<char>(spec.type | 0x20);
  const auto style = type == 'e'                       ? std::chars_format::scientific
                     : type == 'f' || spec.type == '%' ? std::chars_format::fixed
                                                       : std::chars_format::general;
  char buffer[720];  // 309 digits, the point, 340 digits
  const auto written =
      std::to_chars(buffer, buffer + sizeof buffer, spec.type == '%' ? magnitude * 100 : magnitude,
                    style, spec.precision < 0 ? 6 : spec.precision);
  std::string digits(buffer, static_cast<std::size_t>(written.ptr - buffer));
  if (spec.type == 'E' || spec.type == 'G') {
    std::replace(digits.begin(), digits.end(), 'e', 'E');
  }
  if (spec.type == '%') digits.push_back('%');
  return digits;
}

// Sign and digits into the field.
Value fit_number(Run& run, bool negative, std::string prefix, std::string digits,
                 const Spec& spec) {
  if (spec.grouping != '\0') digits = group_digits(digits, spec.grouping);
  const std::string sign = negative ? "-" : spec.plus ? "+" : spec.space ? " " : "";
  const std::string head = sign + prefix;
  if (spec.align == '=') {
    const Value padded = pad(run, Str{run.keep(std::move(digits))},
                             spec.width - static_cast<Int>(head.size()), spec.fill, Side::kRight);
    return concatenate(run, run.text(head), padded);
  }
  const Side side = spec.align == '<'   ? Side::kLeft
                    : spec.align == '^' ? Side::kBoth
                                        : Side::kRight;
  return pad(run, Str{run.keep(head + digits)}, spec.width, spec.fill, side);
}

Value format_number(Run& run, const Value& value, Spec spec) {
  const bool float_type =
      spec.type != '\0' && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
  if (value.is(Kind::kFloat) || float_type) {
    run.charge_reading(static_cast<std::size_t>(std::max(spec.precision, 0)));
    const double number = value.as_double();
    const bool negative = std::signbit(number);
    return fit_number(run, negative, "", float_digits(negative ? -number : number, spec), spec);
  }
  const Int number = value.as_int();
  if (spec.type == 'c') {
    std::string text;
    if (number < 0 || number > 0x10FFFF) run.fail("%c wants a code point");
    append_code_point(text, static_cast<std::uint32_t>(number));
    return pad(run, Str{run.keep(std::move(text))}, spec.width, spec.fill, Side::kLeft);
  }
  const char lower_type = static_cast<char>(spec.type | 0x20);
  const int base = lower_type == 'x' ? 16 : lower_type == 'o' ? 8 : lower_type == 'b' ? 2 : 10;
  std::string digits = radix(number < 0 ? -number : number, base, spec.type == 'X');
  if (spec.precision > static_cast<int>(digits.size())) {
    digits.insert(0, static_cast<std::size_t>(spec.precision) - digits.size(), '0');
  }
  const std::string prefix =
      spec.alternate && base != 10 ? std::string("0") + spec.type : std::string();
  return fit_number(run, number < 0, prefix, digits, spec);
}

Value format_text(Run& run, Value text, const Spec& spec) {
  if (std::string_view("sra").find(spec.type) == std::string_view::npos && spec.type != '\0') {
    run.fail(std::string("format code '") + spec.type + "' does not fit a string");
  }
  if (spec.precision >= 0) text = get_slice(run, text, Value{}, make_int(spec.precision), Value{});
  const Side side = spec.align == '>'   ? Side::kRight
                    : spec.align == '^' ? Side::kBoth
                                        : Side::kLeft;
  return pad(run, *text.str, spec.width, spec.fill, side);
}

Value repr_of(Run& run, const Value& value) {
  TextBuilder out(run);
  print_repr(run, value, out);
  return out.finish();
}

int read_number(Run& run, std::string_view format, std::size_t& at) {
  int value = 0;
  for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at) {
    value = value * 10 + (format[at] - '0');
    if (value > 100'000'000) run.fail_limit("a format's width is too large");
  }
  return value;
}

class PercentFormatter {
 public:
  PercentFormatter(Run& run, const Value& format, const Value& values)
      : run_(run), str_(*format.str), text_(format.str->text), values_(values), out_(run) {}

  Value format() {
    run_.charge_reading(text_.size());  // what stands in directives is written nowhere
    while (at_ < text_.size()) {
      const std::size_t next = text_.find('%', at_);
      const std::size_t end = next == std::string_view::npos ? text_.size() : next;
      out_.append(str_, at_, end);
      at_ = end;
      if (at_ < text_.size()) directive();
    }
    const std::size_t given = values_.is(Kind::kTuple) ? values_.list->items.size() : 1;
    if (!values_.is(Kind::kDict) && !values_.is(Kind::kList) && used_ < given) {
      run_.fail("not all arguments converted during string formatting");
    }
    return out_.finish(str_.markup);
  }

 private:
  Value next_value() {
    const std::size_t given = values_.is(Kind::kTuple) ? values_.list->items.size() : 1;
    if (used_ >= given) run_.fail("not enough arguments for format string");
    return values_.is(Kind::kTuple) ? values_.list->items[used_++] : (++used_, values_);
  }

  Int number_or_star() {
    if (at_ < text_.size() && text_[at_] == '*') {
      ++at_;
      return int_argument(run_, next_value(), 0);
    }
    return read_number(run_, text_, at_);
  }

  Value keyed() {
    const std::size_t close = text_.find(')', at_);
    if (close == std::string_view::npos) run_.fail("incomplete format key");
    const Value key = run_.slice(str_, at_ + 1, close);
    at_ = close + 1;
    if (!values_.is(Kind::kDict)) run_.fail("format requires a mapping");
    const Value* found = dict_find(run_, *values_.dict, key);
    if (found == nullptr) run_.fail("a format key is not in the mapping");
    return *found;
  }

  void flags(Spec& spec) {
    for (; at_ < text_.size(); ++at_) {
      switch (text_[at_]) {
        case '-': spec.align = '<'; break;
        case '+': spec.plus = true; break;
        case ' ': spec.space = true; break;
        case '#': spec.alternate = true; break;
        case '0': spec.fill = '0'; break;
        default: return;
      }
    }
  }

  void directive() {
    run_.charge();
    ++at_;
    Spec spec;
    Value value;
    if (at_ < text_.size() && text_[at_] == '(') value = keyed();
    flags(spec);
    spec.width = number_or_star();
    if (spec.width < 0) {
      spec.align = '<';
      spec.width = -spec.width;
    }
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      const Int precision = number_or_star();
      if (precision > kPrecisionMax) run_.fail_limit("a format's precision is too large");
      spec.precision = static_cast<int>(std::max(precision, Int{0}));
    }
    if (at_ >= text_.size()) run_.fail("incomplete format");
    spec.type = text_[at_++];
    if (spec.type == '%') {
      out_.append("%");
      return;
    }
    if (value.missing()) value = next_value();
    out_.append(*convert(value, spec).str);
  }

  Value convert(Value value, Spec spec) {
    if (spec.align == '<') spec.fill = ' ';
    switch (spec.type) {
      case 's': {
        spec.align = spec.align == '<' ? '<' : '>';
        spec.fill = ' ';
        const Value text = str_.markup ? escape_html(run_, value) : to_text(run_, value);
        return format_text(run_, text, spec);
      }
      case 'r':
      case 'a':
        spec.align = spec.align == '<' ? '<' : '>';
        spec.fill = ' ';
        return format_text(run_, repr_of(run_, value), spec);
      case 'c':
        if (value.is(Kind::kString)) return value;
        break;
      default: break;
    }
    if (std::string_view("diuxXoeEfFgGc").find(spec.type) == std::string_view::npos) {
      run_.fail(std::string("unsupported format character '") + spec.type + "'");
    }
    if (!value.is_number()) {
      if (value.is(Kind::kUndefined)) fail_undefined(run_, value);
      run_.fail(std::string("%") + spec.type + " wants a number, got " + type_name(value));
    }
    if (spec.fill == '0') spec.align = '=';
    if (std::string_view("diu").find(spec.type) != std::string_view::npos) {
      if (value.is(Kind::kFloat)) {
        const auto whole = float_to_int(value.number);
        if (!whole) run_.fail("cannot convert that float to an integer");
        value = make_int(*whole);
      }
      spec.type = 'd';
    }
    return format_number(run_, value, spec);
  }

  Run& run_;
  const Str& str_;
  std::string_view text_;
  const Value& values_;
  TextBuilder out_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
};

class BraceFormatter {
 public:
  BraceFormatter(Run& run, const Value& format, const Args& args)
      : run_(run), str_(*format.str), text_(format.str->text), args_(args), out_(run) {}

  Value format() {
    run_.charge_reading(text_.size());  // what stands in directives is written nowhere
    while (at_ < text_.size()) {
      const std::size_t next = text_.find_first_of("{}", at_);
      const std::size_t end = next == std::string_view::npos ? text_.size() : next;
      out_.append(str_, at_, end);
      at_ = end;
      if (at_ >= text_.size()) break;
      if (at_ + 1 < text_.size() && text_[at_ + 1] == text_[at_]) {
        out_.append(str_, at_, at_ + 1);
        at_ += 2;
      } else if (text_[at_] == '}') {
        run_.fail("single '}' in a format string");
      } else {
        field();
      }
    }
    return out_.finish(str_.markup);
  }

 private:
  Value first(std::string_view name) {
    const bool number =
        std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!number) {
      const Value* found = args_.find(run_, name);
      if (found == nullptr) run_.fail("format() has no argument '" + std::string(name) + "'");
      return *found;
    }
    if (name.size() > 6) run_.fail("format() has no such argument");
    const std::size_t index = name.empty()
                                  ? automatic_++
                                  : static_cast<std::size_t>(std::atoi(std::string(name).c_str()));
    if (index >= args_.positional.size()) run_.fail("format() has too few arguments");
    return args_.positional[index];
  }

  Value look_up(std::string_view path) {
    std::size_t end = std::min(path.find_first_of(".["), path.size());
    Value value = first(path.substr(0, end));
    while (end < path.size()) {
      const std::size_t begin = end + 1;
      if (path[end] == '.') {
        end = std::min(path.find_first_of(".[", begin), path.size());
        value = get_attribute(run_, value, path.substr(begin, end - begin));
      } else {
        const std::size_t close = path.find(']', begin);
        if (close == std::string_view::npos) run_.fail("a format field misses its ']'");
        const std::string_view key = path.substr(begin, close - begin);
        const bool number = !key.empty() && key.size() < 10 &&
                            key.find_first_not_of("0123456789") == std::string_view::npos;
        value = get_item(run_, value,
                         number ? make_int(std::atoi(std::string(key).c_str())) : run_.text(key));
        end = close + 1;
      }
    }
    return value;
  }

  void field() {
    run_.charge();
    const std::size_t close = text_.find('}', at_);
    const std::size_t nested = text_.find('{', at_ + 1);
    if (close == std::string_view::npos) run_.fail("a format field is not closed");
    if (nested < close) run_.fail_unsupported("nested format fields are not supported");
    std::string_view body = text_.substr(at_ + 1, close - at_ - 1);
    at_ = close + 1;
    std::string_view spec_text;
    if (const std::size_t colon = body.find(':'); colon != std::string_view::npos) {
      spec_text = body.substr(colon + 1);
      body = body.substr(0, colon);
    }
    char conversion = '\0';
    if (const std::size_t bang = body.find('!'); bang != std::string_view::npos) {
      if (bang + 2 != body.size()) run_.fail("a format field's conversion is one letter");
      conversion = body[bang + 1];
      body = body.substr(0, bang);
    }
    Value value = look_up(body);
    if (conversion == 'r' || conversion == 'a') value = repr_of(run_, value);
    if (conversion != '\0' && std::string_view("rsa").find(conversion) == std::string_view::npos) {
      run_.fail("unknown conversion in a format field");
    }
    if (conversion == 's') value = to_text(run_, value);
    Value text = apply(value, spec_text);
    if (str_.markup) text = escape_html(run_, text);
    out_.append(*text.str);
  }

  Value apply(const Value& value, std::string_view text) {
    if (text.empty()) return to_text(run_, value);
    const Spec spec = parse(text, value.is_number());
    if (value.is(Kind::kString)) return format_text(run_, value, spec);
    if (value.is_number() && !(value.is(Kind::kBool) && spec.type == '\0')) {
      return format_number(run_, value, spec);
    }
    if (value.is(Kind::kBool)) return format_text(run_, to_text(run_, value), spec);
    run_.fail(std::string("a format specification does not fit ") + type_name(value));
  }

  Spec parse(std::string_view text, bool number) {
    Spec spec;
    std::size_t at = 0;
    constexpr std::string_view kAligns = "<>^=";
    if (text.size() > 1 && kAligns.find(text[1]) != std::string_view::npos) {
      spec.fill = text[0];
      spec.align = text[1];
      at = 2;
    } else if (kAligns.find(text[0]) != std::string_view::npos) {
      spec.align = text[at++];
    }
    for (; at < text.size() && std::string_view("+- #").find(text[at]) != std::string_view::npos;
         ++at) {
      spec.plus = spec.plus || text[at] == '+';
      spec.space = spec.space || text[at] == ' ';
      spec.alternate = spec.alternate || text[at] == '#';
    }
    if (at < text.size() && text[at] == '0') {
      spec.fill = '0';
      if (spec.align == '\0') spec.align = number ? '=' : '<';
    }
    spec.width = read_number(run_, text, at);
    if (at < text.size() && (text[at] == ',' || text[at] == '_')) spec.grouping = text[at++];
    if (at < text.size() && text[at] == '.') {
      spec.precision = read_number(run_, text, ++at);
      if (spec.precision > kPrecisionMax) run_.fail_limit("a format's precision is too large");
    }
    if (at < text.size()) spec.type = text[at++];
    if (at != text.size() ||
        (spec.type != '\0' &&
         std::string_view("sdbcoxXeEfFgG%").find(spec.type) == std::string_view::npos)) {
      run_.fail("invalid format specifier");
    }
    return spec;
  }

  Run& run_;
  const Str& str_;
  std::string_view text_;
  const Args& args_;
  TextBuilder out_;
  std::size_t at_ = 0;
  std::size_t automatic_ = 0;
};

}  // namespace

Value percent_format(Run& run, const Value& format, const Value& values) {
  return PercentFormatter(run, format, values).format();
}

Value brace_format(Run& run, const Value& format, const Args& args) {
  return BraceFormatter(run, format, args).format();
}

}  // namespace hearth::jinja
