#include "text/template/lexer.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

constexpr std::size_t kNpos = std::string_view::npos;

bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}
bool is_decimal(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) text();
    push(TokenKind::kEnd, {});
    return std::move(tokens_);
  }

 private:
  void text();
  void comment();
  void raw(std::size_t body);
  bool raw_begins(std::size_t tag, std::size_t& body) const;
  void code(char close);
  bool closes(char close);
  void operand();
  void number();
  void take_digits(std::size_t& end, std::string& digits) const;
  bool take_fraction(std::size_t& end, std::string& digits) const;
  Int integer(const std::string& digits, int base) const;
  void string_literal();
  void escape(std::string_view body, std::size_t& at, std::string& value);
  std::uint32_t hex(std::string_view body, std::size_t& at, std::size_t digits);
  void operator_token();
  void emit_data(std::string_view data, char sign, bool is_variable);

  std::string_view rest() const { return source_.substr(at_); }
  std::size_t skip_space(std::size_t at) const {
    return source_.size() - strip_left(source_.substr(at)).size();
  }
  // Moves to `to`, counting lines on the way.
  void advance(std::size_t to) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    at_ = to;
  }
  Token& push(TokenKind kind, std::string_view token_text) {
    Token token;
    token.kind = kind;
    token.text = token_text;
    token.line = line_;
    tokens_.push_back(std::move(token));
    return tokens_.back();
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // what was read last ended with a newline
  std::vector<Token> tokens_;
  std::string balance_;  // closing brackets still owed
};

void Lexer::emit_data(std::string_view data, char sign, bool is_variable) {
  if (sign == '-') {
    data = strip_right(data);
  } else if (sign != '+' && !is_variable) {
    const std::size_t newline = data.rfind('\n');
    const std::size_t line_start = newline == kNpos ? 0 : newline + 1;
    if ((line_start > 0 || line_starting_) && strip_left(data.substr(line_start)).empty()) {
      data = data.substr(0, line_start);
    }
  }
  if (!data.empty()) push(TokenKind::kData, data);
}

void Lexer::text() {
  std::size_t tag = at_;
  for (;; ++tag) {
    tag = source_.find('{', tag);
    if (tag == kNpos || tag + 1 >= source_.size()) {
      push(TokenKind::kData, rest());
      advance(source_.size());
      return;
    }
    const char kind = source_[tag + 1];
    if (kind == '%' || kind == '{' || kind == '#') break;
  }
  const char kind = source_[tag + 1];
  const std::size_t after = tag + 2;
  const char sign = after < source_.size() && (source_[after] == '-' || source_[after] == '+')
                        ? source_[after]
                        : '\0';
  emit_data(source_.substr(at_, tag - at_), sign, kind == '{');
  std::size_t body = 0;
  if (kind == '%' && raw_begins(tag, body)) {
    advance(tag);
    raw(body);
    return;
  }
  advance(after + (sign != '\0' ? 1 : 0));
  if (kind == '#') {
    comment();
  } else {
    push(kind == '{' ? TokenKind::kVariableBegin : TokenKind::kBlockBegin, {});
    code(kind == '{' ? '}' : '%');
  }
}

void Lexer::comment() {
  const std::size_t close = source_.find("#}", at_);
  if (close == kNpos) syntax_error(line_, "a comment is not closed: '#}' is missing");
  std::size_t end = close + 2;
  if (close > at_ && source_[close - 1] == '-') {
    end = skip_space(end);
  } else if (!(close > at_ && source_[close - 1] == '+') && end < source_.size() &&
             source_[end] == '\n') {
    ++end;
  }
  line_starting_ = source_[end - 1] == '\n';
  advance(end);
}

bool Lexer::raw_begins(std::size_t tag, std::size_t& body) const {
  std::size_t at = tag + 2;
  if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) ++at;
  at = skip_space(at);
  if (source_.substr(at, 3) != "raw") return false;
  at = skip_space(at + 3);
  if (source_.substr(at, 3) == "-%}") {
    body = skip_space(at + 3);
    return true;
  }
  body = at + 2;
  return source_.substr(at, 2) == "%}";
}

void Lexer::raw(std::size_t body) {
  line_starting_ = source_[body - 1] == '\n';
  advance(body);
  for (std::size_t tag = source_.find("{%", at_); tag != kNpos; tag = source_.find("{%", tag + 1)) {
    std::size_t at = tag + 2;
    const char sign =
        at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
    at = skip_space(at + (sign != '\0' ? 1 : 0));
    if (source_.substr(at, 6) != "endraw") continue;
    at = skip_space(at + 6);
    const char close_sign = at < source_.size() ? source_[at] : '\0';
    if (close_sign == '-' || close_sign == '+') ++at;
    if (source_.substr(at, 2) != "%}") continue;
    std::size_t end = at + 2;
    if (close_sign == '-') {
      end = skip_space(end);
    } else if (close_sign != '+' && end < source_.size() && source_[end] == '\n') {
      ++end;
    }
    emit_data(source_.substr(at_, tag - at_), sign, false);
    line_starting_ = source_[end - 1] == '\n';
    advance(end);
    return;
  }
  syntax_error(line_, "a raw block is not closed: '{% endraw %}' is missing");
}

// The end of a tag, if it stands here; brackets that are still open hide it.
bool Lexer::closes(char close) {
  if (!balance_.empty()) return false;
  const char pair[2] = {close, '}'};
  const std::string_view end(pair, 2);
  std::string_view here = rest();
  const char sign = here.front();
  if (sign == '-' || (sign == '+' && close == '%')) here.remove_prefix(1);
  if (here.substr(0, 2) != end) return false;
  std::size_t next = at_ + (rest().size() - here.size()) + 2;
  push(close == '%' ? TokenKind::kBlockEnd : TokenKind::kVariableEnd, {});
  if (sign == '-') {
    next = skip_space(next);
  } else if (sign != '+' && close == '%' && next < source_.size() && source_[next] == '\n') {
    ++next;
  }
  line_starting_ = source_[next - 1] == '\n';
  advance(next);
  return true;
}

void Lexer::code(char close) {
  balance_.clear();
  while (at_ < source_.size()) {
    if (closes(close)) return;
    const std::size_t solid = skip_space(at_);
    if (solid != at_) {
      advance(solid);
      continue;
    }
    operand();
  }
}

void Lexer::operand() {
  const char c = source_[at_];
  if (is_decimal(c)) {
    number();
  } else if (is_word(c)) {
    std::size_t end = at_;
    while (end < source_.size() && is_word(source_[end])) ++end;
    push(TokenKind::kName, source_.substr(at_, end - at_));
    advance(end);
  } else if (c == '\'' || c == '"') {
    string_literal();
  } else {
    operator_token();
  }
}

// Digits, and underscores between them, from `end` on; the underscores do not count.
void Lexer::take_digits(std::size_t& end, std::string& digits) const {
  const auto at = [&](std::size_t i) { return i < source_.size() ? source_[i] : ' '; };
  while (is_decimal(at(end)) || (at(end) == '_' && is_decimal(at(end + 1)))) {
    if (at(end) != '_') digits.push_back(at(end));
    ++end;
  }
}

// The fraction and exponent of a decimal number, if it has any.
bool Lexer::take_fraction(std::size_t& end, std::string& digits) const {
  const auto at = [&](std::size_t i) { return i < source_.size() ? source_[i] : ' '; };
  if (at_ > 0 && source_[at_ - 1] == '.') return false;  // x.1.2 is two indices
  bool found = false;
  if (at(end) == '.' && is_decimal(at(end + 1))) {
    found = true;
    digits.push_back('.');
    take_digits(++end, digits);
  }
  if ((at(end) | 0x20) != 'e') return found;
  const std::size_t sign = at(end + 1) == '+' || at(end + 1) == '-' ? 1 : 0;
  if (!is_decimal(at(end + 1 + sign))) return found;
  digits.append(source_.substr(end, 1 + sign));
  end += 1 + sign;
  take_digits(end, digits);
  return true;
}

Int Lexer::integer(const std::string& digits, int base) const {
  Int value = 0;
  for (const char digit : digits) {
    const int d = is_decimal(digit) ? digit - '0' : (digit | 0x20) - 'a' + 10;
    if (d >= base) syntax_error(line_, "a digit does not belong to its number");
    if (__builtin_mul_overflow(value, Int{base}, &value) ||
        __builtin_add_overflow(value, Int{d}, &value)) {
      syntax_error(line_, "an integer is too large (more than 127 bits)");
    }
  }
  if (digits.empty()) syntax_error(line_, "a number has no digits");
  if (base == 10 && digits[0] == '0' && value != 0) {
    syntax_error(line_, "a number begins with 0");
  }
  return value;
}

void Lexer::number() {
  std::string digits;
  std::size_t end = at_;
  int base = 10;
  if (source_[at_] == '0' && at_ + 1 < source_.size()) {
    const char mark = static_cast<char>(source_[at_ + 1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
  }
  if (base == 10) {
    take_digits(end, digits);
    if (take_fraction(end, digits)) {
      push(TokenKind::kFloat, {}).number = parse_double(digits).value_or(0);
      advance(end);
      return;
    }
  } else {
    for (end = at_ + 2; end < source_.size(); ++end) {
      const char c = source_[end];
      if (c != '_' && std::isxdigit(static_cast<unsigned char>(c)) == 0) break;
      if (c != '_') digits.push_back(c);
    }
  }
  push(TokenKind::kInteger, {}).integer = integer(digits, base);
  advance(end);
}

void Lexer::string_literal() {
  const char quote = source_[at_];
  std::size_t end = at_ + 1;
  while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
  if (end >= source_.size()) syntax_error(line_, "a string is not closed");
  const std::string_view body = source_.substr(at_ + 1, end - at_ - 1);
  std::string value;
  for (std::size_t at = 0; at < body.size();) {
    if (body[at] == '\\' && at + 1 < body.size()) {
      escape(body, at, value);
    } else {
      value.push_back(body[at++]);
    }
  }
  push(TokenKind::kString, {}).literal = std::move(value);
  advance(end + 1);
}

std::uint32_t Lexer::hex(std::string_view body, std::size_t& at, std::size_t digits) {
  std::uint32_t code = 0;
  const std::string_view part = body.substr(at, digits);
  const auto parsed = std::from_chars(part.data(), part.data() + part.size(), code, 16);
  if (part.size() != digits || parsed.ptr != part.data() + part.size() || code > 0x10FFFF ||
      (code >= 0xD800 && code <= 0xDFFF)) {
    syntax_error(line_, "a string escape does not name a character");
  }
  at += digits;
  return code;
}

// One escape of a Python string literal; unknown ones keep their backslash.
void Lexer::escape(std::string_view body, std::size_t& at, std::string& value) {
  const char c = body[at + 1];
  at += 2;
  switch (c) {
    case '\n': return;
    case '\\':
    case '\'':
    case '"': value.push_back(c); return;
    case 'a': value.push_back('\a'); return;
    case 'b': value.push_back('\b'); return;
    case 'f': value.push_back('\f'); return;
    case 'n': value.push_back('\n'); return;
    case 'r': value.push_back('\r'); return;
    case 't': value.push_back('\t'); return;
    case 'v': value.push_back('\v'); return;
    case 'x': append_code_point(value, hex(body, at, 2)); return;
    case 'u': append_code_point(value, hex(body, at, 4)); return;
    case 'U': append_code_point(value, hex(body, at, 8)); return;
    case 'N': syntax_error(line_, "named characters (\\N{...}) are not supported");
    default: break;
  }
  if (c < '0' || c > '7') {
    value.push_back('\\');
    value.push_back(c);
    return;
  }
  std::uint32_t code = static_cast<std::uint32_t>(c - '0');
  for (int i = 0; i < 2 && at < body.size() && body[at] >= '0' && body[at] <= '7'; ++i, ++at) {
    code = code * 8 + static_cast<std::uint32_t>(body[at] - '0');
  }
  append_code_point(value, code);
}

void Lexer::operator_token() {
  constexpr std::string_view kTwo[] = {"//", "**", "==", "!=", ">=", "<="};
  constexpr std::string_view kOne = "+-/*%~[](){}><=.:|,;";
  std::string_view op = rest().substr(0, 2);
  if (std::find(std::begin(kTwo), std::end(kTwo), op) == std::end(kTwo)) op = rest().substr(0, 1);
  if (op.size() == 1 && kOne.find(op[0]) == kNpos) {
    syntax_error(line_, "unexpected character '" + std::string(op) + "'");
  }
  const char c = op[0];
  if (c == '{') balance_.push_back('}');
  if (c == '(') balance_.push_back(')');
  if (c == '[') balance_.push_back(']');
  if (c == '}' || c == ')' || c == ']') {
    if (balance_.empty() || balance_.back() != c) {
      syntax_error(line_, std::string("unexpected '") + c + "'");
    }
    balance_.pop_back();
  }
  push(TokenKind::kOperator, op);
  advance(at_ + op.size());
}

}  // namespace

void syntax_error(int line, const std::string& what) {
  throw Error(ErrorCode::kCorruptData,
              "chat template, line " + std::to_string(line) + ": syntax error: " + what);
}

std::string normalize_source(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (std::size_t at = 0; at < source.size(); ++at) {
    if (source[at] != '\r') {
      text.push_back(source[at]);
      continue;
    }
    text.push_back('\n');
    if (at + 1 < source.size() && source[at + 1] == '\n') ++at;
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::vector<Token> tokenize(std::string_view normalized) { return Lexer(normalized).run(); }

}  // namespace hearth::jinja
