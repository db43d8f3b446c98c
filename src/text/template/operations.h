// Python's operators and protocols over Values: look-up, comparison, arithmetic, iteration,
// printing. All charge the run's fuel and fail it as Python would.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/template/ast.h"
#include "text/template/run.h"

namespace hearth::jinja {

// object.name: an attribute, else an item (Jinja's order). Unknown names give an undefined value.
Value get_attribute(Run& run, const Value& object, std::string_view name);
// object[key]: an item, else an attribute.
Value get_item(Run& run, const Value& object, const Value& key);
Value get_slice(Run& run, const Value& object, const Value& start, const Value& stop,
                const Value& step);
// The value under a key, or null. Keys that Python cannot hash fail the run.
const Value* dict_find(Run& run, const Dict& dict, const Value& key);
// Adds or replaces; for building dicts.
void dict_put(Run& run, std::vector<std::pair<Value, Value>>& items, const Value& key,
              const Value& value);

bool equal(Run& run, const Value& a, const Value& b, int depth = 0);
bool less(Run& run, const Value& a, const Value& b, const char* op = "<", int depth = 0);
bool contains(Run& run, const Value& container, const Value& item);
Value arithmetic(Run& run, Op op, const Value& a, const Value& b);
bool compare(Run& run, Op op, const Value& a, const Value& b);
Value negate(Run& run, const Value& value);

// Values one by one; fails for what Python cannot iterate. The returned function keeps no reference
// to `value`.
Next iterate(Run& run, const Value& value);
bool is_iterable(const Value& value) noexcept;
std::vector<Value> to_vector(Run& run, const Value& value);
// len(), or nothing if the type has none.
std::optional<Int> length_of(Run& run, const Value& value);

// Fails with the reason why this value is not defined.
[[noreturn]] void fail_undefined(Run& run, const Value& undefined);
// Fails for undefined values, with `unsupported operand` for the others.
[[noreturn]] void fail_operands(Run& run, const char* op, const Value& a, const Value& b);

// str(value), as a string Value that keeps who wrote what (a string is returned as it is).
Value to_text(Run& run, const Value& value);
void print(Run& run, const Value& value, TextBuilder& out);                      // str()
void print_repr(Run& run, const Value& value, TextBuilder& out, int depth = 0);  // repr()
// "left" + right by Markup's rules; both are strings.
Value concatenate(Run& run, const Value& a, const Value& b);
// &, <, >, ' and " as HTML entities; markup stays as it is.
Value escape_html(Run& run, const Value& value);

struct JsonStyle {
  bool ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  // what one level adds; none: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
// json.dumps
Value to_json(Run& run, const Value& value, const JsonStyle& style);
Value from_json(Run& run, const Value& text);

// 'format % values' and 'format'.format(...).
Value percent_format(Run& run, const Value& format, const Value& values);
struct Args;
Value brace_format(Run& run, const Value& format, const Args& args);

}  // namespace hearth::jinja
