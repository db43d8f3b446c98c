#include "text/template/parser.h"

#include <algorithm>

#include "base/error.h"
#include "text/template/parser_impl.h"
#include "text/template/scoped.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void Parser::run() {
  ast_.body = block({});
  if (now().kind != TokenKind::kEnd) unexpected("the end of the template");
  if (!unknown_.empty()) syntax_error(unknown_[0].line, unknown_[0].what);
}

Block Parser::block(std::initializer_list<std::string_view> ends) {
  const Scoped deeper(depth_, depth_ + 1);
  if (depth_ > kBlockDepthMax) {
    fail("blocks nest deeper than " + std::to_string(kBlockDepthMax) + " levels");
  }
  Block result;
  for (;;) {
    const Token& token = now();
    switch (token.kind) {
      case TokenKind::kEnd:
        if (ends.size() == 0) return result;
        fail("the template ends inside a block; '" + std::string(*ends.begin()) + "' is missing");
      case TokenKind::kData: {
        auto data = make(StmtKind::kData);
        ast_.constants.strings.push_back(
            {token.text, nullptr, Taint::kNone, false, count_code_points(token.text)});
        data->data.kind = Kind::kString;
        data->data.str = &ast_.constants.strings.back();
        take();
        result.push_back(std::move(data));
        break;
      }
      case TokenKind::kVariableBegin: {
        auto print = make(StmtKind::kPrint);
        take();
        print->exprs.push_back(tuple(true, false, {}));
        expect(TokenKind::kVariableEnd, "'}}'");
        result.push_back(std::move(print));
        break;
      }
      default: {
        expect(TokenKind::kBlockBegin, "'{%'");
        if (now().kind == TokenKind::kName && one_of(now().text, ends)) return result;
        result.push_back(statement());
        expect(TokenKind::kBlockEnd, "'%}'");
      }
    }
  }
}

Block Parser::body(std::initializer_list<std::string_view> ends) {
  skip_operator(":");
  expect(TokenKind::kBlockEnd, "'%}'");
  return block(ends);
}

std::unique_ptr<Stmt> Parser::make(StmtKind kind) const {
  auto statement = std::make_unique<Stmt>();
  statement->kind = kind;
  statement->line = now().line;
  return statement;
}

std::unique_ptr<Stmt> Parser::statement() {
  using Handler = std::unique_ptr<Stmt> (Parser::*)();
  static constexpr std::pair<std::string_view, Handler> kHandlers[] = {
      {"if", &Parser::if_statement},
      {"for", &Parser::for_statement},
      {"set", &Parser::set_statement},
      {"macro", &Parser::macro_statement},
      {"call", &Parser::call_statement},
      {"filter", &Parser::filter_statement},
      {"with", &Parser::with_statement},
      {"print", &Parser::print_statement},
      {"generation", &Parser::generation_statement},
  };
  const Token& token = now();
  if (token.kind != TokenKind::kName) unexpected("a statement");
  if (token.text == "break") return jump_statement(StmtKind::kBreak);
  if (token.text == "continue") return jump_statement(StmtKind::kContinue);
  for (const auto& [name, handler] : kHandlers) {
    if (token.text == name) return (this->*handler)();
  }
  if (one_of(token.text, {"include", "import", "from", "extends", "block", "autoescape"})) {
    throw Error(ErrorCode::kUnsupported, "chat template, line " + std::to_string(token.line) +
                                             ": '" + std::string(token.text) +
                                             "' is not supported: a chat template is one file");
  }
  fail("unknown statement '" + std::string(token.text) + "'");
}

std::unique_ptr<Stmt> Parser::if_statement() {
  auto result = make(StmtKind::kIf);
  const Scoped soft(soft_, true);
  take();
  for (;;) {
    Branch branch;
    branch.condition = tuple(false, false, {});
    branch.body = body({"elif", "else", "endif"});
    result->branches.push_back(std::move(branch));
    const std::string_view next = take().text;
    if (next == "endif") return result;
    if (next == "elif") continue;
    Branch otherwise;
    otherwise.body = body({"endif"});
    take();
    result->branches.push_back(std::move(otherwise));
    return result;
  }
}

std::unique_ptr<Stmt> Parser::for_statement() {
  auto result = make(StmtKind::kFor);
  take();
  result->targets.push_back(target(false, true));
  expect_name("in");
  result->exprs.push_back(tuple(false, false, "recursive"));
  const Scoped soft(soft_, false);
  if (skip_name("if")) result->condition = expression();
  result->recursive = skip_name("recursive");
  {
    const Scoped inside(loops_, loops_ + 1);
    result->body = body({"endfor", "else"});
  }
  if (take().text == "else") {
    result->otherwise = body({"endfor"});
    take();
  }
  return result;
}

std::unique_ptr<Stmt> Parser::set_statement() {
  auto result = make(StmtKind::kSet);
  take();
  result->targets.push_back(target(true, false));
  if (skip_operator("=")) {
    result->exprs.push_back(tuple(true, false, {}));
    return result;
  }
  result->kind = StmtKind::kSetBlock;
  const Scoped soft(soft_, false);
  if (now().is_operator("|")) result->exprs.push_back(filter_chain(nullptr, false));
  result->body = body({"endset"});
  take();
  return result;
}

void Parser::signature(MacroNode& macro) {
  expect_operator("(");
  while (!now().is_operator(")")) {
    if (!macro.parameters.empty()) expect_operator(",");
    macro.parameters.push_back(identifier("a parameter's name"));
    if (skip_operator("=")) {
      macro.defaults.push_back(expression());
    } else if (!macro.defaults.empty()) {
      fail("a parameter without a default follows one with a default");
    }
  }
  expect_operator(")");
}

std::unique_ptr<Stmt> Parser::macro_statement() {
  auto result = make(StmtKind::kMacro);
  take();
  const Scoped soft(soft_, false);
  const Scoped loops(loops_, 0);
  macros_.push_back(&result->macro);
  result->macro.name = identifier("the macro's name");
  signature(result->macro);
  result->macro.body = body({"endmacro"});
  take();
  macros_.pop_back();
  return result;
}

std::unique_ptr<Stmt> Parser::call_statement() {
  auto result = make(StmtKind::kCallBlock);
  take();
  const Scoped soft(soft_, false);
  const Scoped loops(loops_, 0);
  result->macro.name = "caller";
  if (now().is_operator("(")) signature(result->macro);
  result->exprs.push_back(expression());
  if (result->exprs[0]->kind != ExprKind::kCall) fail("'call' wants a call");
  macros_.push_back(&result->macro);
  result->macro.body = body({"endcall"});
  take();
  macros_.pop_back();
  return result;
}

std::unique_ptr<Stmt> Parser::filter_statement() {
  auto result = make(StmtKind::kFilterBlock);
  take();
  const Scoped soft(soft_, false);
  result->exprs.push_back(filter_chain(nullptr, true));
  result->body = body({"endfilter"});
  take();
  return result;
}

std::unique_ptr<Stmt> Parser::with_statement() {
  auto result = make(StmtKind::kWith);
  take();
  while (now().kind != TokenKind::kBlockEnd && !now().is_operator(":")) {
    if (!result->targets.empty()) expect_operator(",");
    result->targets.push_back(single_target(false));
    expect_operator("=");
    result->exprs.push_back(expression());
  }
  const Scoped soft(soft_, false);
  result->body = body({"endwith"});
  take();
  return result;
}

std::unique_ptr<Stmt> Parser::print_statement() {
  auto result = make(StmtKind::kPrint);
  take();
  while (now().kind != TokenKind::kBlockEnd) {
    if (!result->exprs.empty()) expect_operator(",");
    result->exprs.push_back(expression());
  }
  return result;
}

std::unique_ptr<Stmt> Parser::generation_statement() {
  auto result = make(StmtKind::kScope);
  take();
  const Scoped soft(soft_, false);
  const Scoped loops(loops_, 0);
  result->body = body({"endgeneration"});
  take();
  return result;
}

std::unique_ptr<Stmt> Parser::jump_statement(StmtKind kind) {
  auto result = make(kind);
  if (loops_ == 0) fail("'" + std::string(now().text) + "' stands outside a loop");
  take();
  return result;
}

Target Parser::single_target(bool with_namespace) {
  Target result;
  result.line = now().line;
  if (skip_operator("(")) {
    result = target(with_namespace, false);
    expect_operator(")");
    return result;
  }
  result.name = identifier("a name to assign to");
  if (one_of(result.name, {"true", "false", "none", "True", "False", "None"})) {
    fail("cannot assign to '" + std::string(result.name) + "'");
  }
  if (with_namespace && skip_operator(".")) {
    result.attribute = identifier("a namespace attribute");
  }
  return result;
}

Target Parser::target(bool with_namespace, bool until_in) {
  const Scoped deeper(depth_, depth_ + 1);
  if (depth_ > kBlockDepthMax) fail("assignment targets nest too deep");
  Target first = single_target(with_namespace);
  if (!now().is_operator(",")) return first;
  Target result;
  result.is_tuple = true;
  result.line = first.line;
  result.elements.push_back(std::move(first));
  while (skip_operator(",")) {
    if ((until_in && now().is_name("in")) || now().is_operator("=") || now().is_operator(")"))
      break;
    result.elements.push_back(single_target(with_namespace));
  }
  return result;
}

bool Parser::skip_operator(std::string_view text) {
  if (!now().is_operator(text)) return false;
  take();
  return true;
}

bool Parser::skip_name(std::string_view text) {
  if (!now().is_name(text)) return false;
  take();
  return true;
}

void Parser::expect_operator(std::string_view text) {
  if (!skip_operator(text)) unexpected(("'" + std::string(text) + "'").c_str());
}

void Parser::expect_name(std::string_view text) {
  if (!skip_name(text)) unexpected(("'" + std::string(text) + "'").c_str());
}

void Parser::expect(TokenKind kind, const char* what) {
  if (now().kind != kind) unexpected(what);
  take();
}

std::string_view Parser::identifier(const char* what) {
  if (now().kind != TokenKind::kName) unexpected(what);
  return take().text;
}

void Parser::fail(const std::string& what) const { syntax_error(now().line, what); }

void Parser::unexpected(const char* wanted) const {
  const Token& token = now();
  std::string got;
  switch (token.kind) {
    case TokenKind::kEnd: got = "the end of the template"; break;
    case TokenKind::kVariableEnd: got = "'}}'"; break;
    case TokenKind::kBlockEnd: got = "'%}'"; break;
    case TokenKind::kString: got = "a string"; break;
    case TokenKind::kInteger:
    case TokenKind::kFloat: got = "a number"; break;
    case TokenKind::kName:
    case TokenKind::kOperator: got = "'" + std::string(token.text) + "'"; break;
    default: got = "text"; break;
  }
  fail("got " + got + ", wanted " + wanted);
}

std::unique_ptr<const Ast> parse(std::string_view source) {
  auto ast = std::make_unique<Ast>();
  ast->source = normalize_source(source);
  Parser(*ast).run();
  return ast;
}

}  // namespace hearth::jinja
