#include <cmath>

#include "text/template/operations.h"

namespace hearth::jinja {
namespace {

[[noreturn]] void too_large(Run& run) { run.fail_limit("an integer grows beyond 127 bits"); }

bool rounds_down(Int a, Int b) { return a % b != 0 && (a < 0) != (b < 0); }

Int power(Run& run, Int base, Int exponent) {
  Int result = 1;
  if (base == 0 || base == 1 || base == -1) {
    return base == -1 ? (exponent % 2 == 0 ? 1 : -1) : exponent == 0 ? 1 : base;
  }
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(result, base, &result)) too_large(run);
  }
  return result;
}

Value integers(Run& run, Op op, Int a, Int b) {
  Int result = 0;
  bool overflow = false;
  switch (op) {
    case Op::kAdd: overflow = __builtin_add_overflow(a, b, &result); break;
    case Op::kSubtract: overflow = __builtin_sub_overflow(a, b, &result); break;
    case Op::kMultiply: overflow = __builtin_mul_overflow(a, b, &result); break;
    case Op::kPower:
      if (b >= 0) {
        result = power(run, a, b);
        break;
      }
      if (a == 0) run.fail("0 cannot be raised to a negative power");
      return make_float(std::pow(static_cast<double>(a), static_cast<double>(b)));
    default:
      if (b == 0) run.fail("division by zero");
      if (op == Op::kDivide) return make_float(static_cast<double>(a) / static_cast<double>(b));
      if (op == Op::kFloorDivide) {
        result = a / b - (rounds_down(a, b) ? 1 : 0);
      } else {
        result = a % b + (rounds_down(a, b) ? b : 0);
      }
  }
  // Not even -2^127 is made, so that every integer can be negated.
  if (overflow || result < -kIntMax) too_large(run);
  return make_int(result);
}

Value floats(Run& run, Op op, double a, double b) {
  switch (op) {
    case Op::kAdd: return make_float(a + b);
    case Op::kSubtract: return make_float(a - b);
    case Op::kMultiply: return make_float(a * b);
    case Op::kPower: {
      if (a == 0 && b < 0) run.fail("0.0 cannot be raised to a negative power");
      if (a < 0 && b != std::floor(b)) run.fail_unsupported("complex numbers are not supported");
      const double result = std::pow(a, b);
      if (std::isinf(result) && !std::isinf(a) && !std::isinf(b)) run.fail("result too large");
      return make_float(result);
    }
    default: break;
  }
  if (b == 0) run.fail("division by zero");
  if (op == Op::kDivide) return make_float(a / b);
  double remainder = std::fmod(a, b);
  if (remainder != 0 && (remainder < 0) != (b < 0)) remainder += b;
  if (op == Op::kModulo) return make_float(remainder);
  return make_float(std::floor((a - remainder) / b + 0.5));
}

Value repeat(Run& run, const Value& value, Int times) {
  if (times < 0) times = 0;
  if (value.is(Kind::kString)) {
    const Str& str = *value.str;
    const Int size = static_cast<Int>(str.text.size());
    if (size > 0 && times > static_cast<Int>(run.limits().text_bytes) / size) {
      run.fail_limit("a repeated text grows beyond " + std::to_string(run.limits().text_bytes) +
                     " bytes");
    }
    TextBuilder out(run);
    for (Int i = 0; size > 0 && i < times; ++i) out.append(str);
    return out.finish(str.markup);
  }
  const auto& items = value.list->items;
  const Int size = static_cast<Int>(items.size());
  if (size > 0 && times > run.limits().operations / size) {
    run.fail_limit("a repeated list grows too long");
  }
  std::vector<Value> result;
  if (size > 0) run.charge_items(static_cast<std::size_t>(size * times));
  for (Int i = 0; size > 0 && i < times; ++i)
    result.insert(result.end(), items.begin(), items.end());
  return run.list(std::move(result), value.kind);
}

const char* symbol(Op op) {
  switch (op) {
    case Op::kAdd: return "+";
    case Op::kSubtract: return "-";
    case Op::kMultiply: return "*";
    case Op::kDivide: return "/";
    case Op::kFloorDivide: return "//";
    case Op::kModulo: return "%";
    default: return "**";
  }
}

bool repeatable(const Value& value) { return value.is(Kind::kString) || value.is_sequence(); }

}  // namespace

Value concatenate(Run& run, const Value& a, const Value& b) {
  if (!a.str->markup && !b.str->markup) {
    TextBuilder out(run);
    out.append(*a.str);
    out.append(*b.str);
    return out.finish();
  }
  TextBuilder out(run);
  out.append(*escape_html(run, a).str);
  out.append(*escape_html(run, b).str);
  return out.finish(true);
}

Value arithmetic(Run& run, Op op, const Value& a, const Value& b) {
  run.charge();
  if (a.is_integral() && b.is_integral()) return integers(run, op, a.as_int(), b.as_int());
  if (a.is_number() && b.is_number()) return floats(run, op, a.as_double(), b.as_double());
  if (op == Op::kModulo && a.is(Kind::kString) && !b.is(Kind::kUndefined)) {
    return percent_format(run, a, b);
  }
  if (op == Op::kAdd && a.is(Kind::kString) && b.is(Kind::kString)) return concatenate(run, a, b);
  if (op == Op::kAdd && a.is_sequence() && a.kind == b.kind) {
    std::vector<Value> items;
    run.charge_items(a.list->items.size() + b.list->items.size());
    items.reserve(a.list->items.size() + b.list->items.size());
    items.insert(items.end(), a.list->items.begin(), a.list->items.end());
    items.insert(items.end(), b.list->items.begin(), b.list->items.end());
    return run.list(std::move(items), a.kind);
  }
  if (op == Op::kMultiply && repeatable(a) && b.is_integral()) return repeat(run, a, b.as_int());
  if (op == Op::kMultiply && repeatable(b) && a.is_integral()) return repeat(run, b, a.as_int());
  fail_operands(run, symbol(op), a, b);
}

Value negate(Run& run, const Value& value) {
  if (value.is_integral()) return integers(run, Op::kSubtract, 0, value.as_int());
  if (value.is(Kind::kFloat)) return make_float(-value.number);
  if (value.is(Kind::kUndefined)) fail_undefined(run, value);
  run.fail(std::string("bad operand type for unary -: '") + type_name(value) + "'");
}

}  // namespace hearth::jinja
