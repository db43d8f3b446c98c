#include "text/template/interpreter.h"
#include "text/template/operations.h"

namespace hearth::jinja {

Value Interpreter::eval(const Expr& expr) {
  const Level level(run_);
  run_.charge();
  run_.line = expr.line;
  switch (expr.kind) {
    case ExprKind::kConstant: return expr.constant;
    case ExprKind::kName: return look_up(expr.name);
    case ExprKind::kAttribute: return get_attribute(run_, eval(*expr.parts[0]), expr.name);
    case ExprKind::kItem: return eval_item(expr);
    case ExprKind::kSlice: return eval_slice(expr);
    case ExprKind::kCall: return eval_call(expr);
    case ExprKind::kFilter: return eval_filter(expr);
    case ExprKind::kTest: return eval_test(expr);
    case ExprKind::kNot: return make_bool(!truthy(eval(*expr.parts[0])));
    case ExprKind::kNegative: return negate(run_, eval(*expr.parts[0]));
    case ExprKind::kPositive: return negate(run_, negate(run_, eval(*expr.parts[0])));
    case ExprKind::kAnd:
    case ExprKind::kOr: return eval_logic(expr);
    case ExprKind::kCompare: return eval_compare(expr);
    case ExprKind::kArithmetic: return eval_arithmetic(expr);
    case ExprKind::kConcat: return eval_concat(expr);
    case ExprKind::kConditional: return eval_conditional(expr);
    case ExprKind::kList:
    case ExprKind::kTuple: return eval_list(expr);
    case ExprKind::kDict: return eval_dict(expr);
  }
  return make_none();
}

Value Interpreter::optional_part(const Expr& expr, std::size_t i) {
  return expr.parts[i] == nullptr ? Value{} : eval(*expr.parts[i]);
}

Value Interpreter::eval_item(const Expr& expr) {
  const Value object = eval(*expr.parts[0]);
  return get_item(run_, object, eval(*expr.parts[1]));
}

Value Interpreter::eval_slice(const Expr& expr) {
  const Value object = eval(*expr.parts[0]);
  const Value start = optional_part(expr, 1);
  const Value stop = optional_part(expr, 2);
  return get_slice(run_, object, start, stop, optional_part(expr, 3));
}

Value Interpreter::eval_logic(const Expr& expr) {
  Value value;
  for (const ExprPtr& part : expr.parts) {
    value = eval(*part);
    if (truthy(value) == (expr.kind == ExprKind::kOr)) return value;
  }
  return value;
}

Value Interpreter::eval_compare(const Expr& expr) {
  Value left = eval(*expr.parts[0]);
  for (std::size_t i = 0; i < expr.ops.size(); ++i) {
    const Value right = eval(*expr.parts[i + 1]);
    if (!compare(run_, expr.ops[i], left, right)) return make_bool(false);
    left = right;
  }
  return make_bool(true);
}

Value Interpreter::eval_arithmetic(const Expr& expr) {
  Value left = eval(*expr.parts[0]);
  for (std::size_t i = 0; i < expr.ops.size(); ++i) {
    left = arithmetic(run_, expr.ops[i], left, eval(*expr.parts[i + 1]));
  }
  return left;
}

Value Interpreter::eval_concat(const Expr& expr) {
  TextBuilder out(run_);
  for (const ExprPtr& part : expr.parts) print(run_, eval(*part), out);
  return out.finish();
}

Value Interpreter::eval_conditional(const Expr& expr) {
  if (truthy(eval(*expr.parts[0]))) return eval(*expr.parts[1]);
  if (expr.parts[2] != nullptr) return eval(*expr.parts[2]);
  return run_.undefined_because("an inline if without else was false");
}

Value Interpreter::eval_list(const Expr& expr) {
  std::vector<Value> items;
  items.reserve(expr.parts.size());
  for (const ExprPtr& part : expr.parts) items.push_back(eval(*part));
  return run_.list(std::move(items), expr.kind == ExprKind::kList ? Kind::kList : Kind::kTuple);
}

Value Interpreter::eval_dict(const Expr& expr) {
  std::vector<std::pair<Value, Value>> items;
  for (std::size_t i = 0; i + 1 < expr.parts.size(); i += 2) {
    const Value key = eval(*expr.parts[i]);
    dict_put(run_, items, key, eval(*expr.parts[i + 1]));
  }
  return run_.dict(std::move(items));
}

Args Interpreter::eval_args(const Expr& expr) {
  Args args;
  for (const Argument& argument : expr.args) {
    const Value value = eval(*argument.value);
    if (argument.stars == 1) {
      for (const Value& item : to_vector(run_, value)) args.positional.push_back(item);
    } else if (argument.stars == 2) {
      if (!value.is(Kind::kDict)) run_.fail("** wants a dict");
      for (const auto& [key, item] : value.dict->items) {
        if (!key.is(Kind::kString)) run_.fail("** wants a dict with strings as keys");
        if (args.find(run_, key.str->text) != nullptr) run_.fail("an argument is given twice");
        args.named.emplace_back(key.str->text, item);
      }
    } else if (argument.name.empty()) {
      args.positional.push_back(value);
    } else {
      if (args.find(run_, argument.name) != nullptr) run_.fail("an argument is given twice");
      args.named.emplace_back(argument.name, value);
    }
  }
  return args;
}

Value Interpreter::eval_call(const Expr& expr, const Value* caller) {
  const Value callee = eval(*expr.parts[0]);
  Args args = eval_args(expr);
  if (caller != nullptr) args.named.emplace_back("caller", *caller);
  run_.line = expr.line;
  return call(callee, args);
}

Value Interpreter::call(const Value& callee, const Args& args) {
  run_.charge();
  switch (callee.kind) {
    case Kind::kUndefined: fail_undefined(run_, callee);
    case Kind::kFunction: return call_native(run_, *callee.function, callee, args);
    case Kind::kMethod: return call_native(run_, *callee.method->native, callee.method->self, args);
    case Kind::kMacro: return call_macro(*callee.macro, args);
    case Kind::kLoop: {
      if (!callee.loop->recurse) run_.fail("only a loop marked 'recursive' can be called");
      if (args.positional.size() != 1 || !args.named.empty())
        run_.fail("loop() wants one argument");
      return callee.loop->recurse(args.positional[0]);
    }
    default: run_.fail(std::string("'") + type_name(callee) + "' object is not callable");
  }
}

Value Interpreter::eval_block_filter(const Expr& expr, const Value& text) {
  const Scoped<const Value*> input(block_text_, &text);
  return eval(expr);
}

Value Interpreter::eval_filter(const Expr& expr) {
  // A chain's innermost filter has no operand of its own in a filter block, and is evaluated first.
  const Value self = expr.parts[0] == nullptr ? *block_text_ : eval(*expr.parts[0]);
  if (expr.native == nullptr) {
    run_.fail("there is no filter named '" + std::string(expr.name) + "'");
  }
  const Args args = eval_args(expr);
  run_.line = expr.line;
  return call_native(run_, *expr.native, self, args);
}

Value Interpreter::eval_test(const Expr& expr) {
  const Value self = eval(*expr.parts[0]);
  if (expr.native == nullptr) {
    run_.fail("there is no test named '" + std::string(expr.name) + "'");
  }
  const Args args = eval_args(expr);
  run_.line = expr.line;
  return call_native(run_, *expr.native, self, args);
}

}  // namespace hearth::jinja
