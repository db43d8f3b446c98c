// The tree of a Go template (text/template), as far as go_template.h understands it. Plain data
// that owns its strings.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace hearth::go {

struct Expression {
  enum class Kind {
    kValue,   // `base` ("." or "$" or "$name") and perhaps ".Field"
    kText,    // `text` is the literal's value
    kNumber,  // `text` as written
    kBool,    // `text` is "true" or "false"
    kCall,    // `text` is the function
  };
  Kind kind = Kind::kValue;
  std::string base;
  std::string field;  // without the dot; may be empty
  std::string text;
  std::vector<Expression> arguments;
};

struct Node {
  enum class Kind { kText, kPrint, kSet, kIf, kRange };
  Kind kind = Kind::kText;
  std::size_t line = 1;
  std::string text;  // kText: as it is printed
  Expression expression;
  std::string variable;       // kSet: "$x"; kRange: the index, may be empty
  std::string item_variable;  // kRange: may be empty
  bool declares = false;      // kSet: := and not =
  std::vector<Node> body;
  std::vector<Node> otherwise;  // of if and range: behind else
};

// kInvalidArgument and kUnsupported, with the line.
std::vector<Node> parse(std::string_view source);

Error error_at(std::size_t line, ErrorCode code, const std::string& message);
// kUnsupported: `what` is how the template says it.
Error unsupported(std::size_t line, std::string_view what);

}  // namespace hearth::go
