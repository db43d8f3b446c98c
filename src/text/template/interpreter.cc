#include "text/template/interpreter.h"

#include <algorithm>

#include "text/template/operations.h"

namespace hearth::jinja {
namespace {

// Scopes inside scopes: blocks, times macros that define macros.
constexpr int kScopeDepthMax = 256;

}  // namespace

Interpreter::Interpreter(Run& run, std::vector<std::pair<std::string_view, Value>> variables)
    : run_(run), globals_(std::move(variables)) {}

void Interpreter::set_variable(std::string_view name, const Value& value) {
  for (auto& [known, old] : scope_->variables) {
    if (!run_.same(known, name)) continue;
    old = value;
    return;
  }
  run_.charge();
  scope_->variables.emplace_back(name, value);
}

void Interpreter::render(const Block& block, TextBuilder& out) {
  out_ = &out;
  scope_ = new_scope(nullptr);
  run_block(block);
}

Scope* Interpreter::new_scope(Scope* parent) {
  run_.charge();
  Scope scope;
  scope.parent = parent;
  scope.depth = parent == nullptr ? 0 : parent->depth + 1;
  if (scope.depth > kScopeDepthMax) run_.fail_limit("scopes nest too deep");
  scopes_.push_back(std::move(scope));
  return &scopes_.back();
}

Value Interpreter::make_macro(const MacroNode& node) {
  run_.charge();
  for (Scope* scope = scope_; scope != nullptr && !scope->captured; scope = scope->parent) {
    scope->captured = true;
  }
  macros_.push_back({&node, scope_});
  Value value;
  value.kind = Kind::kMacro;
  value.macro = &macros_.back();
  return value;
}

Value Interpreter::look_up(std::string_view name) {
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    run_.charge_bytes(0);
    for (const auto& [known, value] : scope->variables) {
      if (run_.same(known, name)) return value;
    }
  }
  for (const auto& [known, value] : globals_) {
    if (run_.same(known, name)) return value;
  }
  if (const Native* global = find_global(name)) {
    Value value;
    value.kind = Kind::kFunction;
    value.function = global;
    return value;
  }
  return run_.undefined(name);
}

Interpreter::Flow Interpreter::run_block(const Block& block) {
  const Level level(run_);
  for (const auto& statement : block) {
    const Flow flow = run_statement(*statement);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::run_statement(const Stmt& statement) {
  run_.charge();
  run_.line = statement.line;
  switch (statement.kind) {
    case StmtKind::kData: out_->append(*statement.data.str); return Flow::kNext;
    case StmtKind::kPrint: run_print(statement); return Flow::kNext;
    case StmtKind::kIf: return run_if(statement);
    case StmtKind::kFor: run_for(statement, eval(*statement.exprs[0]), 0); return Flow::kNext;
    case StmtKind::kSet:
      assign(statement.targets[0], eval(*statement.exprs[0]));
      return Flow::kNext;
    case StmtKind::kSetBlock: run_set_block(statement); return Flow::kNext;
    case StmtKind::kMacro: define_macro(statement); return Flow::kNext;
    case StmtKind::kCallBlock: run_call_block(statement); return Flow::kNext;
    case StmtKind::kFilterBlock: run_filter_block(statement); return Flow::kNext;
    case StmtKind::kWith: run_with(statement); return Flow::kNext;
    case StmtKind::kScope: {
      const Scoped scope(scope_, new_scope(scope_));
      run_block(statement.body);
      return Flow::kNext;
    }
    case StmtKind::kBreak: return Flow::kBreak;
    case StmtKind::kContinue: return Flow::kContinue;
  }
  return Flow::kNext;
}

void Interpreter::run_print(const Stmt& statement) {
  for (const ExprPtr& expr : statement.exprs) print(run_, eval(*expr), *out_);
}

Interpreter::Flow Interpreter::run_if(const Stmt& statement) {
  for (const Branch& branch : statement.branches) {
    if (branch.condition != nullptr && !truthy(eval(*branch.condition))) continue;
    return run_block(branch.body);
  }
  return Flow::kNext;
}

// The values to loop over; the loop's own condition looks at each as it comes.
Next Interpreter::loop_items(const Stmt& statement, const Value& items) {
  auto next = iterate(run_, items);
  if (statement.condition == nullptr) return next;
  return [this, &statement, next = std::move(next), outer = scope_](Value& item) {
    while (next(item)) {
      run_.charge();
      const Scoped scope(scope_, new_scope(outer));
      assign(statement.targets[0], item);
      if (truthy(eval(*statement.condition))) return true;
    }
    return false;
  };
}

Interpreter::Flow Interpreter::run_iteration(const Stmt& statement, Scope*& scope,
                                             const Value& item, const Value* loop) {
  run_.charge();
  run_.line = statement.line;
  if (scope->captured) {
    scope = new_scope(scope->parent);
  } else {
    scope->variables.clear();
  }
  const Scoped inside(scope_, scope);
  set_variable("loop", *loop);
  assign(statement.targets[0], item);
  return run_block(statement.body);
}

void Interpreter::run_for(const Stmt& statement, const Value& items, int depth0) {
  const Value self = run_.loop(loop_items(statement, items));
  Loop& loop = *self.loop;
  loop.depth0 = depth0;
  if (statement.condition == nullptr && !items.is(Kind::kGenerator)) {
    loop.known_length = length_of(run_, items).value_or(-1);
  }
  if (statement.recursive) {
    loop.recurse = [this, &statement, outer = scope_, depth0](const Value& inner) {
      const Scoped call(calls_, calls_ + 1);
      if (calls_ > run_.limits().calls) run_.fail_limit("a loop calls itself too deep");
      TextBuilder out(run_);
      const Scoped redirected(out_, &out);
      const Scoped scope(scope_, outer);
      run_for(statement, inner, depth0 + 1);
      return out.finish();
    };
  }
  Scope* scope = new_scope(scope_);
  bool any = false;
  for (;;) {
    Value item;
    if (loop.has_after) {
      item = loop.after;
      loop.has_after = false;
    } else if (!loop.source.read(run_, item)) {
      break;
    }
    ++loop.index0;
    loop.before = loop.current;
    loop.current = item;
    const Flow flow = run_iteration(statement, scope, item, &self);
    if (flow == Flow::kBreak) break;
    any = any || flow == Flow::kNext;  // an iteration that is cut short does not count, in Jinja
  }
  if (!any) {
    const Scoped inside(scope_, new_scope(scope_));
    run_block(statement.otherwise);
  }
}

Value Interpreter::capture(const Block& block, Scope* scope) {
  TextBuilder out(run_);
  const Scoped redirected(out_, &out);
  const Scoped inside(scope_, scope);
  run_block(block);
  return out.finish();
}

void Interpreter::run_set_block(const Stmt& statement) {
  Value text = capture(statement.body, new_scope(scope_));
  if (!statement.exprs.empty()) text = eval_block_filter(*statement.exprs[0], text);
  assign(statement.targets[0], text);
}

void Interpreter::run_call_block(const Stmt& statement) {
  const Value caller = make_macro(statement.macro);
  print(run_, eval_call(*statement.exprs[0], &caller), *out_);
}

void Interpreter::run_filter_block(const Stmt& statement) {
  const Value text = capture(statement.body, new_scope(scope_));
  print(run_, eval_block_filter(*statement.exprs[0], text), *out_);
}

void Interpreter::run_with(const Stmt& statement) {
  Scope* scope = new_scope(scope_);
  std::vector<Value> values;
  for (const ExprPtr& expr : statement.exprs) values.push_back(eval(*expr));
  const Scoped inside(scope_, scope);
  for (std::size_t i = 0; i < values.size(); ++i) assign(statement.targets[i], values[i]);
  run_block(statement.body);
}

void Interpreter::define_macro(const Stmt& statement) {
  const Value macro = make_macro(statement.macro);
  set_variable(statement.macro.name, macro);
}

void Interpreter::assign(const Target& target, const Value& value) {
  if (!target.is_tuple) {
    if (target.attribute.empty()) {
      set_variable(target.name, value);
      return;
    }
    const Value names = look_up(target.name);
    if (!names.is(Kind::kNamespace)) {
      run_.fail("cannot assign an attribute: '" + std::string(target.name) +
                "' is not a namespace");
    }
    if (target.attribute.starts_with('_')) {
      run_.fail("a namespace cannot store names that begin with '_'");
    }
    if (Value* known = names.names->find(run_, target.attribute)) {
      *known = value;
    } else {
      run_.charge();
      names.names->attributes.emplace_back(target.attribute, value);
    }
    return;
  }
  const Level level(run_);
  const std::vector<Value> values = to_vector(run_, value);
  if (values.size() != target.elements.size()) {
    run_.fail("cannot unpack " + std::to_string(values.size()) + " values into " +
              std::to_string(target.elements.size()) + " names");
  }
  for (std::size_t i = 0; i < values.size(); ++i) assign(target.elements[i], values[i]);
}

void Interpreter::bind_parameters(const Macro& macro, const Args& args) {
  const MacroNode& node = *macro.node;
  const std::size_t count = node.parameters.size();
  bool explicit_caller = false;
  std::vector<std::pair<Value, Value>> extra;
  for (const auto& [key, value] : args.named) {
    const auto position =
        std::find_if(node.parameters.begin(), node.parameters.end(),
                     [&](std::string_view parameter) { return run_.same(parameter, key); });
    const auto index = static_cast<std::size_t>(position - node.parameters.begin());
    explicit_caller = explicit_caller || (key == "caller" && position != node.parameters.end());
    if (position != node.parameters.end() && index >= args.positional.size()) continue;
    if (key == "caller" && node.uses_caller && !explicit_caller) continue;
    if (!node.uses_kwargs)
      run_.fail("macro '" + std::string(node.name) + "' takes no argument '" + std::string(key) +
                "'");
    extra.emplace_back(run_.user_text(key), value);  // may come from a user's dict
  }
  if (args.positional.size() > count && !node.uses_varargs) {
    run_.fail("macro '" + std::string(node.name) + "' takes at most " + std::to_string(count) +
              " arguments, got " + std::to_string(args.positional.size()));
  }
  if (node.uses_varargs) {
    std::vector<Value> rest;
    if (args.positional.size() > count) {
      rest.assign(args.positional.begin() + static_cast<std::ptrdiff_t>(count),
                  args.positional.end());
    }
    set_variable("varargs", run_.list(std::move(rest), Kind::kTuple));
  }
  if (node.uses_kwargs) set_variable("kwargs", run_.dict(std::move(extra)));
  if (node.uses_caller && !explicit_caller) {
    const Value* caller = args.find(run_, "caller");
    set_variable("caller",
                 caller != nullptr ? *caller : run_.undefined_because("no caller defined"));
  }
  const std::size_t first_default = count - node.defaults.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Value* named = args.find(run_, node.parameters[i]);
    const Value value = i < args.positional.size() ? args.positional[i]
                        : named != nullptr         ? *named
                        : i >= first_default       ? eval(*node.defaults[i - first_default])
                                                   : run_.undefined(node.parameters[i]);
    set_variable(node.parameters[i], value);
  }
}

Value Interpreter::call_macro(const Macro& macro, const Args& args) {
  const Scoped call(calls_, calls_ + 1);
  if (calls_ > run_.limits().calls) {
    run_.fail_limit("macros call each other deeper than " + std::to_string(run_.limits().calls) +
                    " levels");
  }
  const Scoped scope(scope_, new_scope(macro.scope));
  const int line = run_.line;
  bind_parameters(macro, args);
  TextBuilder out(run_);
  {
    const Scoped redirected(out_, &out);
    run_block(macro.node->body);
  }
  run_.line = line;
  return out.finish();
}

}  // namespace hearth::jinja
