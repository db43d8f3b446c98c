#include <algorithm>

#include "text/template/native.h"
#include "text/template/operations.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

using V = Value;

bool remainder_is(Run& run, const V& value, const V& divisor, Int wanted) {
  return equal(run, arithmetic(run, Op::kModulo, value, divisor), make_int(wanted));
}

bool sequence(const V& value) {
  switch (value.kind) {
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kRange: return true;
    default: return false;
  }
}

bool callable(const V& value) {
  return value.is(Kind::kMacro) || value.is(Kind::kMethod) || value.is(Kind::kFunction) ||
         value.is(Kind::kLoop) || value.is(Kind::kUndefined);
}

bool same_object(Run& run, const V& a, const V& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::kNone: return true;
    case Kind::kBool: return a.boolean == b.boolean;
    case Kind::kInt: return a.integer == b.integer && a.integer >= -5 && a.integer <= 256;
    case Kind::kString:
      return run.same(a.str->text, b.str->text) && !a.str->markup && !b.str->markup;
    default: return a.list == b.list;
  }
}

template <bool kUpper>
bool all_cased(Run& run, const V& value) {
  const V text = to_text(run, value);
  bool any = false;
  for (TextReader reader(run, *text.str); reader.more();) {
    const std::uint32_t c = reader.next();
    if (kUpper ? is_lower(c) : is_upper(c)) return false;
    any = any || (kUpper ? is_upper(c) : is_lower(c));
  }
  return any;
}

template <Op kOp>
V compared(Run& run, const V& self, const Bound& a) {
  return make_bool(compare(run, kOp, self, a[0]));
}

#define HEARTH_TEST(condition)               \
  [](Run& run, const V& x, const Bound& a) { \
    (void)run, (void)a;                      \
    return make_bool(condition);             \
  }

constexpr Native kTests[] = {
    {"defined", "", HEARTH_TEST(!x.is(Kind::kUndefined))},
    {"undefined", "", HEARTH_TEST(x.is(Kind::kUndefined))},
    {"none", "", HEARTH_TEST(x.is(Kind::kNone))},
    {"boolean", "", HEARTH_TEST(x.is(Kind::kBool))},
    {"true", "", HEARTH_TEST(x.is(Kind::kBool) && x.boolean)},
    {"false", "", HEARTH_TEST(x.is(Kind::kBool) && !x.boolean)},
    {"integer", "", HEARTH_TEST(x.is(Kind::kInt))},
    {"float", "", HEARTH_TEST(x.is(Kind::kFloat))},
    {"number", "", HEARTH_TEST(x.is_number())},
    {"string", "", HEARTH_TEST(x.is(Kind::kString))},
    {"mapping", "", HEARTH_TEST(x.is(Kind::kDict))},
    {"sequence", "", HEARTH_TEST(sequence(x))},
    {"iterable", "", HEARTH_TEST(is_iterable(x))},
    {"callable", "", HEARTH_TEST(callable(x))},
    {"escaped", "", HEARTH_TEST(x.is(Kind::kString) && x.str->markup)},
    {"odd", "", HEARTH_TEST(remainder_is(run, x, make_int(2), 1))},
    {"even", "", HEARTH_TEST(remainder_is(run, x, make_int(2), 0))},
    {"divisibleby", "num", HEARTH_TEST(remainder_is(run, x, a[0], 0))},
    {"lower", "", HEARTH_TEST(all_cased<false>(run, x))},
    {"upper", "", HEARTH_TEST(all_cased<true>(run, x))},
    {"sameas", "other", HEARTH_TEST(same_object(run, x, a[0]))},
    {"in", "seq", HEARTH_TEST(contains(run, a[0], x))},
    {"filter", "", HEARTH_TEST(x.is(Kind::kString) && find_filter(x.str->text) != nullptr)},
    {"test", "", HEARTH_TEST(x.is(Kind::kString) && find_test(x.str->text) != nullptr)},
    {"==", "other", compared<Op::kEqual>},
    {"eq", "other", compared<Op::kEqual>},
    {"equalto", "other", compared<Op::kEqual>},
    {"!=", "other", compared<Op::kNotEqual>},
    {"ne", "other", compared<Op::kNotEqual>},
    {">", "other", compared<Op::kGreater>},
    {"gt", "other", compared<Op::kGreater>},
    {"greaterthan", "other", compared<Op::kGreater>},
    {">=", "other", compared<Op::kGreaterEqual>},
    {"ge", "other", compared<Op::kGreaterEqual>},
    {"<", "other", compared<Op::kLess>},
    {"lt", "other", compared<Op::kLess>},
    {"lessthan", "other", compared<Op::kLess>},
    {"<=", "other", compared<Op::kLessEqual>},
    {"le", "other", compared<Op::kLessEqual>},
};

#undef HEARTH_TEST

}  // namespace

const Native* find_test(std::string_view name) noexcept {
  const auto* found = std::find_if(std::begin(kTests), std::end(kTests),
                                   [&](const Native& n) { return n.name == name; });
  return found == std::end(kTests) ? nullptr : found;
}

}  // namespace hearth::jinja
