// Walks a template's tree for one render. One thread, one use.
#pragma once

#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include "text/template/ast.h"
#include "text/template/native.h"
#include "text/template/run.h"

namespace hearth::jinja {

// Variables of a template, loop body or macro call; names are sought outwards.
struct Scope {
  Scope* parent = nullptr;
  int depth = 0;
  bool captured = false;  // a macro made here may look into it later
  std::vector<std::pair<std::string_view, Value>> variables;
};

struct Macro {
  const MacroNode* node;
  Scope* scope;  // where it was defined
};

class Interpreter {
 public:
  // `variables` are the context's.
  Interpreter(Run& run, std::vector<std::pair<std::string_view, Value>> variables);

  void render(const Block& block, TextBuilder& out);

 private:
  enum class Flow { kNext, kBreak, kContinue };

  // Statements.
  Flow run_block(const Block& block);
  Flow run_statement(const Stmt& statement);
  Flow run_if(const Stmt& statement);
  void run_print(const Stmt& statement);
  void run_for(const Stmt& statement, const Value& items, int depth0);
  Flow run_iteration(const Stmt& statement, Scope*& scope, const Value& item, const Value* loop);
  Next loop_items(const Stmt& statement, const Value& items);
  void run_set_block(const Stmt& statement);
  void run_call_block(const Stmt& statement);
  void run_filter_block(const Stmt& statement);
  void run_with(const Stmt& statement);
  void define_macro(const Stmt& statement);
  void assign(const Target& target, const Value& value);
  // What a body prints, in a scope of its own.
  Value capture(const Block& block, Scope* scope);

  // Expressions.
  Value eval(const Expr& expr);
  Value eval_logic(const Expr& expr);
  Value eval_compare(const Expr& expr);
  Value eval_arithmetic(const Expr& expr);
  Value eval_concat(const Expr& expr);
  Value eval_conditional(const Expr& expr);
  Value eval_list(const Expr& expr);
  Value eval_dict(const Expr& expr);
  Value eval_slice(const Expr& expr);
  Value eval_item(const Expr& expr);
  Value eval_call(const Expr& expr, const Value* caller = nullptr);
  Value eval_filter(const Expr& expr);
  Value eval_block_filter(const Expr& expr, const Value& text);
  Value eval_test(const Expr& expr);
  Args eval_args(const Expr& expr);
  Value optional_part(const Expr& expr, std::size_t i);
  Value call(const Value& callee, const Args& args);
  Value call_macro(const Macro& macro, const Args& args);
  void bind_parameters(const Macro& macro, const Args& args);

  Scope* new_scope(Scope* parent);
  Value make_macro(const MacroNode& node);
  Value look_up(std::string_view name);
  void set_variable(std::string_view name, const Value& value);

  Run& run_;
  std::vector<std::pair<std::string_view, Value>> globals_;
  std::deque<Scope> scopes_;
  std::deque<Macro> macros_;
  Scope* scope_ = nullptr;
  TextBuilder* out_ = nullptr;
  const Value* block_text_ = nullptr;  // what the innermost filter of a filter block takes
  int calls_ = 0;
};

}  // namespace hearth::jinja
