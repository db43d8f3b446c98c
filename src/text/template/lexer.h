// Template source to tokens, with Jinja's whitespace rules as Hugging Face sets them: trim_blocks
// (a newline after a block or comment goes), lstrip_blocks (spaces before one go), and the explicit
// `-` and `+`. Tokens point into `Source::text`, which outlives them. Pure; throws Error with the
// line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/template/value.h"

namespace hearth::jinja {

enum class TokenKind {
  kData,
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;  // data, name, operator
  std::string literal;    // the string's value, escapes resolved
  Int integer = 0;
  double number = 0;
  int line = 1;

  bool is(TokenKind k, std::string_view t) const noexcept { return kind == k && text == t; }
  bool is_operator(std::string_view t) const noexcept { return is(TokenKind::kOperator, t); }
  bool is_name(std::string_view t) const noexcept { return is(TokenKind::kName, t); }
};

[[noreturn]] void syntax_error(int line, const std::string& what);

// Line ends become '\n', and one at the very end goes, as Jinja does before it reads anything.
std::string normalize_source(std::string_view source);
std::vector<Token> tokenize(std::string_view normalized);

}  // namespace hearth::jinja
