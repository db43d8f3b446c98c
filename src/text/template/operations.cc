#include "text/template/operations.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "text/template/native.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

// Walks a tuple as often as it occurs in another, as Python does.
bool is_hashable(Run& run, const Value& value) {
  switch (value.kind) {
    case Kind::kList:
    case Kind::kDict:
    case Kind::kDictView: return false;
    case Kind::kTuple:
      run.charge_items(value.list->items.size());
      return std::all_of(value.list->items.begin(), value.list->items.end(),
                         [&](const Value& item) { return is_hashable(run, item); });
    default: return true;
  }
}

bool equal_lists(Run& run, const List& a, const List& b, int depth) {
  if (a.items.size() != b.items.size()) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!equal(run, a.items[i], b.items[i], depth + 1)) return false;
  }
  return true;
}

bool equal_dicts(Run& run, const Dict& a, const Dict& b, int depth) {
  if (a.items.size() != b.items.size()) return false;
  for (const auto& [key, value] : a.items) {
    const Value* other = dict_find(run, b, key);
    if (other == nullptr || !equal(run, value, *other, depth + 1)) return false;
  }
  return true;
}

int compare_numbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) {
    return a.as_int() < b.as_int() ? -1 : a.as_int() > b.as_int() ? 1 : 0;
  }
  const double x = a.as_double();
  const double y = b.as_double();
  return x < y ? -1 : x > y ? 1 : 0;
}

bool substring(Run& run, std::string_view text, std::string_view part) {
  if (part.size() > text.size()) return false;
  run.charge_reading(text.size() + part.size());
  return memmem(text.data(), text.size(), part.data(), part.size()) != nullptr || part.empty();
}

}  // namespace

void fail_undefined(Run& run, const Value& value) {
  const Undefined& u = *value.undefined;
  if (u.reason != nullptr) run.fail(u.reason);
  const std::string name = "'" + std::string(u.name) + "'";
  if (u.owner_type == nullptr) run.fail(name + " is undefined");
  run.fail("'" + std::string(u.owner_type) + " object' has no attribute " + name);
}

void fail_operands(Run& run, const char* op, const Value& a, const Value& b) {
  if (a.is(Kind::kUndefined)) fail_undefined(run, a);
  if (b.is(Kind::kUndefined)) fail_undefined(run, b);
  run.fail(std::string("'") + op + "' does not work between '" + type_name(a) + "' and '" +
           type_name(b) + "'");
}

const Value* dict_find(Run& run, const Dict& dict, const Value& key) {
  if (!is_hashable(run, key)) run.fail(std::string("unhashable type: '") + type_name(key) + "'");
  if (key.is(Kind::kString) && !dict.index.empty()) {
    const std::string_view text = key.str->text;
    const auto found =
        std::partition_point(dict.index.begin(), dict.index.end(),
                             [&](const auto& entry) { return run.before(entry.first, text); });
    if (found == dict.index.end() || !run.same(found->first, text)) return nullptr;
    return &dict.items[found->second].second;
  }
  for (const auto& [candidate, value] : dict.items) {
    if (equal(run, candidate, key)) return &value;
  }
  return nullptr;
}

void dict_put(Run& run, std::vector<std::pair<Value, Value>>& items, const Value& key,
              const Value& value) {
  if (!is_hashable(run, key)) run.fail(std::string("unhashable type: '") + type_name(key) + "'");
  for (auto& [candidate, old] : items) {
    if (!equal(run, candidate, key)) continue;
    old = value;
    return;
  }
  run.charge();
  items.emplace_back(key, value);
}

bool equal(Run& run, const Value& a, const Value& b, int depth) {
  if (depth > kNestingMax) run.fail_limit("values nest too deep to compare");
  if (a.is(Kind::kString) && b.is(Kind::kString)) return run.same(a.str->text, b.str->text);
  run.charge_bytes(0);
  if (a.is_number() && b.is_number()) {
    if (a.is(Kind::kFloat) && std::isnan(a.number)) return false;
    if (b.is(Kind::kFloat) && std::isnan(b.number)) return false;
    return compare_numbers(a, b) == 0;
  }
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::kMissing:
    case Kind::kUndefined:
    case Kind::kNone: return true;
    case Kind::kList:
    case Kind::kTuple: return equal_lists(run, *a.list, *b.list, depth);
    case Kind::kDict: return equal_dicts(run, *a.dict, *b.dict, depth);
    case Kind::kRange: {
      const Range& x = *a.range;
      const Range& y = *b.range;
      return x.size() == y.size() &&
             (x.size() == 0 || (x.start == y.start && (x.size() == 1 || x.step == y.step)));
    }
    case Kind::kDictView: return a.view->dict == b.view->dict && a.view->part == b.view->part;
    case Kind::kMethod:
      return a.method->native == b.method->native &&
             equal(run, a.method->self, b.method->self, depth + 1);
    default: return a.list == b.list;  // identity, by whichever pointer it is
  }
}

bool less(Run& run, const Value& a, const Value& b, const char* op, int depth) {
  if (depth > kNestingMax) run.fail_limit("values nest too deep to compare");
  run.charge();
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) < 0;
  if (a.is(Kind::kString) && b.is(Kind::kString)) {
    return run.before(a.str->text, b.str->text);
  }
  if (!a.is_sequence() || a.kind != b.kind) fail_operands(run, op, a, b);
  const auto& x = a.list->items;
  const auto& y = b.list->items;
  for (std::size_t i = 0; i < x.size() && i < y.size(); ++i) {
    if (!equal(run, x[i], y[i], depth + 1)) return less(run, x[i], y[i], op, depth + 1);
  }
  return x.size() < y.size();
}

bool contains(Run& run, const Value& container, const Value& item) {
  switch (container.kind) {
    case Kind::kString:
      if (!item.is(Kind::kString)) {
        run.fail(std::string("'in <string>' wants a string on its left, got ") + type_name(item));
      }
      return substring(run, container.str->text, item.str->text);
    case Kind::kDict: return dict_find(run, *container.dict, item) != nullptr;
    default: break;
  }
  const auto next = iterate(run, container);
  for (Value candidate; next(candidate);) {
    run.charge_items(1);
    if (equal(run, candidate, item)) return true;
  }
  return false;
}

bool compare(Run& run, Op op, const Value& a, const Value& b) {
  switch (op) {
    case Op::kEqual: return equal(run, a, b);
    case Op::kNotEqual: return !equal(run, a, b);
    case Op::kLess: return less(run, a, b, "<");
    case Op::kGreater: return less(run, b, a, ">");
    case Op::kLessEqual:
      return a.is_number() && b.is_number() ? compare_numbers(a, b) <= 0 : !less(run, b, a, "<=");
    case Op::kGreaterEqual:
      return a.is_number() && b.is_number() ? compare_numbers(a, b) >= 0 : !less(run, a, b, ">=");
    case Op::kIn: return contains(run, b, a);
    default: return !contains(run, b, a);
  }
}

bool is_iterable(const Value& value) noexcept {
  switch (value.kind) {
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kDictView:
    case Kind::kRange:
    case Kind::kGenerator:
    case Kind::kLoop: return true;
    default: return false;
  }
}

std::optional<Int> length_of(Run& run, const Value& value) {
  switch (value.kind) {
    case Kind::kUndefined: return 0;
    case Kind::kString: return static_cast<Int>(run.length(*value.str));
    case Kind::kList:
    case Kind::kTuple: return static_cast<Int>(value.list->items.size());
    case Kind::kDict: return static_cast<Int>(value.dict->items.size());
    case Kind::kDictView: return static_cast<Int>(value.view->dict->items.size());
    case Kind::kRange: return value.range->size();
    default: return std::nullopt;
  }
}

std::vector<Value> to_vector(Run& run, const Value& value) {
  std::vector<Value> items;
  if (value.is_sequence()) {
    run.charge_items(value.list->items.size());
    return value.list->items;
  }
  const auto next = iterate(run, value);
  for (Value item; next(item);) {
    run.charge();
    items.push_back(item);
  }
  return items;
}

}  // namespace hearth::jinja
