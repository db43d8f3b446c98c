// The parser's state, shared by its two halves: parser.cc (statements) and parser_expression.cc.
// One per parse; not shared between threads.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "text/template/ast.h"
#include "text/template/lexer.h"

namespace hearth::jinja {

class Parser {
 public:
  explicit Parser(Ast& ast) : ast_(ast), tokens_(tokenize(ast.source)) {}

  void run();

 private:
  // Statements.
  Block block(std::initializer_list<std::string_view> ends);
  Block body(std::initializer_list<std::string_view> ends);  // from the end of a tag on
  std::unique_ptr<Stmt> statement();
  std::unique_ptr<Stmt> if_statement();
  std::unique_ptr<Stmt> for_statement();
  std::unique_ptr<Stmt> set_statement();
  std::unique_ptr<Stmt> macro_statement();
  std::unique_ptr<Stmt> call_statement();
  std::unique_ptr<Stmt> filter_statement();
  std::unique_ptr<Stmt> with_statement();
  std::unique_ptr<Stmt> print_statement();
  std::unique_ptr<Stmt> generation_statement();
  std::unique_ptr<Stmt> jump_statement(StmtKind kind);
  void signature(MacroNode& macro);
  Target target(bool with_namespace, bool until_in);
  Target single_target(bool with_namespace);
  std::unique_ptr<Stmt> make(StmtKind kind) const;

  // Expressions.
  ExprPtr tuple(bool with_condition, bool explicit_parentheses, std::string_view end_name);
  ExprPtr expression();
  ExprPtr conditional();
  ExprPtr logical_or();
  ExprPtr logical_and();
  ExprPtr logical_not();
  ExprPtr comparison();
  ExprPtr sum();
  ExprPtr concat();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filter);
  ExprPtr primary();
  ExprPtr name_or_keyword();
  ExprPtr list();
  ExprPtr dict();
  ExprPtr postfix(ExprPtr node);
  ExprPtr filters_and_tests(ExprPtr node);
  ExprPtr attribute(ExprPtr node);
  ExprPtr subscript(ExprPtr node);
  ExprPtr call(ExprPtr node);
  ExprPtr filter_chain(ExprPtr node, bool starts_inline);
  ExprPtr test(ExprPtr node);
  void arguments(std::vector<Argument>& args);
  std::string_view dotted_name();
  bool tuple_ends(std::string_view end_name) const;
  void note_special_name(std::string_view name);
  void note_unknown(const char* what, const Expr& node);

  ExprPtr node(ExprKind kind, int line) const;
  ExprPtr sealed(ExprPtr node) const;  // computes the depth, refuses what is too deep
  ExprPtr text_constant(std::string text, int line);

  // Tokens.
  const Token& now() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool skip_operator(std::string_view text);
  bool skip_name(std::string_view text);
  void expect_operator(std::string_view text);
  void expect_name(std::string_view text);
  void expect(TokenKind kind, const char* what);
  std::string_view identifier(const char* what);
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void unexpected(const char* wanted) const;

  Ast& ast_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int loops_ = 0;                   // loops around the current statement, for break
  std::vector<MacroNode*> macros_;  // macros around it, innermost last
  // Inside an `if`, an unknown filter is an error only once it runs (Jinja's "soft frames").
  bool soft_ = false;
  struct Unknown {
    int line;
    std::string what;
  };
  std::vector<Unknown> unknown_;  // filters and tests that do not exist, outside of any condition
};

}  // namespace hearth::jinja
