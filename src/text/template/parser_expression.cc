#include <algorithm>
#include <utility>

#include "text/template/native.h"
#include "text/template/parser_impl.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

// Counts brackets that are open while it lives.
class Deeper {
 public:
  Deeper(int& depth, int line) : depth_(depth) {
    if (++depth_ > kExpressionDepthMax) {
      --depth_;
      syntax_error(line, "expressions nest too deep");
    }
  }
  ~Deeper() { --depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;

 private:
  int& depth_;
};

}  // namespace

ExprPtr Parser::node(ExprKind kind, int line) const {
  auto result = std::make_unique<Expr>();
  result->kind = kind;
  result->line = line;
  return result;
}

ExprPtr Parser::sealed(ExprPtr node) const {
  for (const ExprPtr& part : node->parts) {
    if (part != nullptr) node->depth = std::max(node->depth, part->depth + 1);
  }
  for (const Argument& argument : node->args) {
    node->depth = std::max(node->depth, argument.value->depth + 1);
  }
  if (node->depth > kExpressionDepthMax) syntax_error(node->line, "expressions nest too deep");
  return node;
}

ExprPtr Parser::text_constant(std::string text, int line) {
  ast_.constants.bytes.push_back(std::move(text));
  const std::string_view bytes = ast_.constants.bytes.back();
  ast_.constants.strings.push_back({bytes, nullptr, Taint::kNone, false, count_code_points(bytes)});
  ExprPtr result = node(ExprKind::kConstant, line);
  result->constant.kind = Kind::kString;
  result->constant.str = &ast_.constants.strings.back();
  return result;
}

bool Parser::tuple_ends(std::string_view end_name) const {
  const Token& token = now();
  return token.kind == TokenKind::kVariableEnd || token.kind == TokenKind::kBlockEnd ||
         token.is_operator(")") || (!end_name.empty() && token.is_name(end_name));
}

ExprPtr Parser::tuple(bool with_condition, bool explicit_parentheses, std::string_view end_name) {
  const int line = now().line;
  std::vector<ExprPtr> parts;
  bool is_tuple = false;
  for (;;) {
    if (tuple_ends(end_name)) break;
    parts.push_back(with_condition ? expression() : logical_or());
    if (!skip_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!parts.empty()) return std::move(parts[0]);
    if (!explicit_parentheses) unexpected("an expression");
  }
  ExprPtr result = node(ExprKind::kTuple, line);
  result->parts = std::move(parts);
  return sealed(std::move(result));
}

ExprPtr Parser::expression() {
  const Deeper deeper(depth_, now().line);
  return conditional();
}

ExprPtr Parser::conditional() {
  const std::size_t unknown_before = unknown_.size();
  ExprPtr value = logical_or();
  while (now().is_name("if")) {
    unknown_.resize(unknown_before);  // what stands in a condition fails only when it runs
    const bool was_soft = std::exchange(soft_, true);
    ExprPtr result = node(ExprKind::kConditional, take().line);
    result->parts.push_back(logical_or());
    result->parts.push_back(std::move(value));
    result->parts.push_back(skip_name("else") ? expression() : nullptr);
    soft_ = was_soft;
    value = sealed(std::move(result));
  }
  return value;
}

void Parser::note_unknown(const char* what, const Expr& node) {
  if (soft_) return;
  unknown_.push_back(
      {node.line, std::string("there is no ") + what + " named '" + std::string(node.name) + "'"});
}

ExprPtr Parser::logical_or() {
  ExprPtr left = logical_and();
  if (!now().is_name("or")) return left;
  ExprPtr result = node(ExprKind::kOr, left->line);
  result->parts.push_back(std::move(left));
  while (skip_name("or")) result->parts.push_back(logical_and());
  return sealed(std::move(result));
}

ExprPtr Parser::logical_and() {
  ExprPtr left = logical_not();
  if (!now().is_name("and")) return left;
  ExprPtr result = node(ExprKind::kAnd, left->line);
  result->parts.push_back(std::move(left));
  while (skip_name("and")) result->parts.push_back(logical_not());
  return sealed(std::move(result));
}

ExprPtr Parser::logical_not() {
  if (!now().is_name("not")) return comparison();
  const Deeper deeper(depth_, now().line);
  ExprPtr result = node(ExprKind::kNot, take().line);
  result->parts.push_back(logical_not());
  return sealed(std::move(result));
}

ExprPtr Parser::comparison() {
  static constexpr std::pair<std::string_view, Op> kOps[] = {
      {"==", Op::kEqual}, {"!=", Op::kNotEqual}, {"<=", Op::kLessEqual},
      {"<", Op::kLess},   {">", Op::kGreater},   {">=", Op::kGreaterEqual},
  };
  ExprPtr left = sum();
  ExprPtr result;
  for (;;) {
    const Token& token = now();
    Op op = Op::kIn;
    const auto* found = std::find_if(std::begin(kOps), std::end(kOps),
                                     [&](const auto& o) { return token.is_operator(o.first); });
    if (found != std::end(kOps)) {
      op = found->second;
      take();
    } else if (token.is_name("not") && ahead().is_name("in")) {
      op = Op::kNotIn;
      take();
      take();
    } else if (!skip_name("in")) {
      break;
    }
    if (result == nullptr) {
      result = node(ExprKind::kCompare, left->line);
      result->parts.push_back(std::move(left));
    }
    result->ops.push_back(op);
    result->parts.push_back(sum());
  }
  return result == nullptr ? std::move(left) : sealed(std::move(result));
}

ExprPtr Parser::sum() {
  ExprPtr left = concat();
  if (!now().is_operator("+") && !now().is_operator("-")) return left;
  ExprPtr result = node(ExprKind::kArithmetic, left->line);
  result->parts.push_back(std::move(left));
  while (now().is_operator("+") || now().is_operator("-")) {
    result->ops.push_back(take().text == "+" ? Op::kAdd : Op::kSubtract);
    result->parts.push_back(concat());
  }
  return sealed(std::move(result));
}

ExprPtr Parser::concat() {
  ExprPtr left = product();
  if (!now().is_operator("~")) return left;
  ExprPtr result = node(ExprKind::kConcat, left->line);
  result->parts.push_back(std::move(left));
  while (skip_operator("~")) result->parts.push_back(product());
  return sealed(std::move(result));
}

ExprPtr Parser::product() {
  static constexpr std::pair<std::string_view, Op> kOps[] = {
      {"*", Op::kMultiply}, {"/", Op::kDivide}, {"//", Op::kFloorDivide}, {"%", Op::kModulo}};
  ExprPtr left = power();
  ExprPtr result;
  for (;;) {
    const auto* found = std::find_if(std::begin(kOps), std::end(kOps),
                                     [&](const auto& o) { return now().is_operator(o.first); });
    if (found == std::end(kOps)) break;
    take();
    if (result == nullptr) {
      result = node(ExprKind::kArithmetic, left->line);
      result->parts.push_back(std::move(left));
    }
    result->ops.push_back(found->second);
    result->parts.push_back(power());
  }
  return result == nullptr ? std::move(left) : sealed(std::move(result));
}

ExprPtr Parser::power() {
  ExprPtr left = unary(true);
  if (!now().is_operator("**")) return left;
  ExprPtr result = node(ExprKind::kArithmetic, left->line);
  result->parts.push_back(std::move(left));
  while (skip_operator("**")) {
    result->ops.push_back(Op::kPower);
    result->parts.push_back(unary(true));
  }
  return sealed(std::move(result));
}

ExprPtr Parser::unary(bool with_filter) {
  ExprPtr result;
  if (now().is_operator("-") || now().is_operator("+")) {
    const Deeper deeper(depth_, now().line);
    const Token& sign = take();
    result = node(sign.text == "-" ? ExprKind::kNegative : ExprKind::kPositive, sign.line);
    result->parts.push_back(unary(false));
    result = sealed(std::move(result));
  } else {
    result = primary();
  }
  result = postfix(std::move(result));
  return with_filter ? filters_and_tests(std::move(result)) : std::move(result);
}

void Parser::note_special_name(std::string_view name) {
  if (macros_.empty()) return;
  MacroNode& macro = *macros_.back();
  if (name == "caller") macro.uses_caller = true;
  if (name == "varargs") macro.uses_varargs = true;
  if (name == "kwargs") macro.uses_kwargs = true;
}

ExprPtr Parser::name_or_keyword() {
  const Token& token = take();
  ExprPtr result = node(ExprKind::kConstant, token.line);
  if (token.text == "true" || token.text == "True") {
    result->constant = make_bool(true);
  } else if (token.text == "false" || token.text == "False") {
    result->constant = make_bool(false);
  } else if (token.text == "none" || token.text == "None") {
    result->constant = make_none();
  } else {
    result->kind = ExprKind::kName;
    result->name = token.text;
    note_special_name(token.text);
  }
  return result;
}

ExprPtr Parser::primary() {
  const Token& token = now();
  const int line = token.line;
  switch (token.kind) {
    case TokenKind::kName: return name_or_keyword();
    case TokenKind::kString: {
      std::string text;
      while (now().kind == TokenKind::kString) text += take().literal;
      return text_constant(std::move(text), line);
    }
    case TokenKind::kInteger:
    case TokenKind::kFloat: {
      ExprPtr result = node(ExprKind::kConstant, line);
      result->constant =
          token.kind == TokenKind::kInteger ? make_int(token.integer) : make_float(token.number);
      take();
      return result;
    }
    default: break;
  }
  if (token.is_operator("(")) {
    const Deeper deeper(depth_, line);
    take();
    ExprPtr result = tuple(true, true, {});
    expect_operator(")");
    return result;
  }
  if (token.is_operator("[")) return list();
  if (token.is_operator("{")) return dict();
  unexpected("an expression");
}

ExprPtr Parser::list() {
  ExprPtr result = node(ExprKind::kList, take().line);
  while (!now().is_operator("]")) {
    if (!result->parts.empty()) expect_operator(",");
    if (now().is_operator("]")) break;
    result->parts.push_back(expression());
  }
  expect_operator("]");
  return sealed(std::move(result));
}

ExprPtr Parser::dict() {
  ExprPtr result = node(ExprKind::kDict, take().line);
  while (!now().is_operator("}")) {
    if (!result->parts.empty()) expect_operator(",");
    if (now().is_operator("}")) break;
    result->parts.push_back(expression());
    expect_operator(":");
    result->parts.push_back(expression());
  }
  expect_operator("}");
  return sealed(std::move(result));
}

ExprPtr Parser::postfix(ExprPtr node) {
  for (;;) {
    if (now().is_operator(".")) {
      node = attribute(std::move(node));
    } else if (now().is_operator("[")) {
      node = subscript(std::move(node));
    } else if (now().is_operator("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr Parser::filters_and_tests(ExprPtr node) {
  for (;;) {
    if (now().is_operator("|")) {
      node = filter_chain(std::move(node), false);
    } else if (now().is_name("is")) {
      node = test(std::move(node));
    } else if (now().is_operator("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr Parser::attribute(ExprPtr object) {
  const int line = take().line;
  ExprPtr result = node(ExprKind::kAttribute, line);
  result->parts.push_back(std::move(object));
  if (now().kind == TokenKind::kInteger) {
    result->kind = ExprKind::kItem;
    ExprPtr index = node(ExprKind::kConstant, line);
    index->constant = make_int(take().integer);
    result->parts.push_back(std::move(index));
  } else {
    result->name = identifier("an attribute's name");
  }
  return sealed(std::move(result));
}

ExprPtr Parser::subscript(ExprPtr object) {
  ExprPtr result = node(ExprKind::kItem, take().line);
  result->parts.push_back(std::move(object));
  const auto part = [&]() -> ExprPtr {
    return now().is_operator(":") || now().is_operator("]") || now().is_operator(",")
               ? nullptr
               : expression();
  };
  result->parts.push_back(part());
  if (now().is_operator(":")) {
    result->kind = ExprKind::kSlice;
    take();
    result->parts.push_back(part());
    result->parts.push_back(skip_operator(":") ? part() : nullptr);
  } else if (result->parts[1] == nullptr) {
    unexpected("an index");
  }
  if (result->kind == ExprKind::kItem && now().is_operator(",")) {
    ExprPtr key = node(ExprKind::kTuple, now().line);
    key->parts.push_back(std::move(result->parts[1]));
    while (skip_operator(",")) key->parts.push_back(expression());
    result->parts[1] = sealed(std::move(key));
  }
  expect_operator("]");
  return sealed(std::move(result));
}

void Parser::arguments(std::vector<Argument>& args) {
  expect_operator("(");
  bool named = false;
  int stars = 0;
  while (!now().is_operator(")")) {
    if (!args.empty()) {
      expect_operator(",");
      if (now().is_operator(")")) break;
    }
    Argument argument;
    if (now().is_operator("*") || now().is_operator("**")) {
      argument.stars = take().text == "*" ? 1 : 2;
      if (stars >= argument.stars) fail("too many * arguments in a call");
      stars = argument.stars;
    } else if (now().kind == TokenKind::kName && ahead().is_operator("=")) {
      if (stars == 2) fail("a named argument follows **");
      argument.name = take().text;
      named = true;
      take();
    } else if (named || stars != 0) {
      fail("a positional argument follows a named one");
    }
    argument.value = expression();
    args.push_back(std::move(argument));
  }
  expect_operator(")");
}

ExprPtr Parser::call(ExprPtr callee) {
  ExprPtr result = node(ExprKind::kCall, now().line);
  result->parts.push_back(std::move(callee));
  arguments(result->args);
  return sealed(std::move(result));
}

std::string_view Parser::dotted_name() {
  std::string_view name = identifier("a filter's or test's name");
  while (now().is_operator(".")) {
    take();
    const std::string_view part = identifier("a filter's or test's name");
    name = {name.data(), static_cast<std::size_t>(part.data() + part.size() - name.data())};
  }
  return name;
}

ExprPtr Parser::filter_chain(ExprPtr value, bool starts_inline) {
  while (starts_inline || now().is_operator("|")) {
    if (!starts_inline) take();
    starts_inline = false;
    ExprPtr result = node(ExprKind::kFilter, now().line);
    result->name = dotted_name();
    result->native = find_filter(result->name);
    if (result->native == nullptr) note_unknown("filter", *result);
    result->parts.push_back(std::move(value));
    if (now().is_operator("(")) arguments(result->args);
    value = sealed(std::move(result));
  }
  return value;
}

ExprPtr Parser::test(ExprPtr value) {
  ExprPtr result = node(ExprKind::kTest, take().line);
  const bool negated = skip_name("not");
  result->name = dotted_name();
  result->native = find_test(result->name);
  if (result->native == nullptr) note_unknown("test", *result);
  result->parts.push_back(std::move(value));
  const Token& token = now();
  const bool starts_operand =
      token.kind == TokenKind::kString || token.kind == TokenKind::kInteger ||
      token.kind == TokenKind::kFloat || token.is_operator("[") || token.is_operator("{") ||
      (token.kind == TokenKind::kName && !token.is_name("else") && !token.is_name("or") &&
       !token.is_name("and"));
  if (token.is_operator("(")) {
    arguments(result->args);
  } else if (starts_operand) {
    if (token.is_name("is")) fail("tests cannot be chained with 'is'");
    Argument argument;
    argument.value = postfix(primary());
    result->args.push_back(std::move(argument));
  }
  result = sealed(std::move(result));
  if (!negated) return result;
  ExprPtr inverse = node(ExprKind::kNot, result->line);
  inverse->parts.push_back(std::move(result));
  return sealed(std::move(inverse));
}

}  // namespace hearth::jinja
