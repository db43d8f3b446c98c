// Functions that templates call by name: filters, tests, methods and globals. Tables of constants.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "text/template/run.h"

namespace hearth::jinja {

// The arguments of a call as written.
struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> named;

  const Value* find(Run& run, std::string_view name) const;
};

inline constexpr std::size_t kParametersMax = 6;  // wordwrap-like filters have five

// The arguments matched to the function's parameters; what was not given is Kind::kMissing.
struct Bound {
  std::array<Value, kParametersMax> values;
  const Args* all = nullptr;  // what was written, for functions that take anything

  const Value& operator[](std::size_t i) const noexcept { return values[i]; }
};

struct Native {
  std::string_view name;
  // "a b? c?" names the parameters, '?' marks those that may be left out; "*" takes whatever comes.
  std::string_view parameters;
  Value (*function)(Run& run, const Value& self, const Bound& args);
};

const Native* find_filter(std::string_view name) noexcept;
const Native* find_test(std::string_view name) noexcept;
const Native* find_global(std::string_view name) noexcept;
// A method of this value, or null.
const Native* find_method(const Value& self, std::string_view name) noexcept;
// Methods that would change a list or dict in place: the sandbox refuses them.
bool is_mutating_method(const Value& self, std::string_view name) noexcept;

// Binds and calls. A wrong argument fails the render.
Value call_native(Run& run, const Native& native, const Value& self, const Args& args);

// No integer argument is larger, so that a function may add and subtract a few of them and the
// sizes of texts and lists within 127 bits.
inline constexpr Int kArgumentMax = Int{1} << 100;
// Optional arguments with their Python types; anything else fails the render.
Int int_argument(Run& run, const Value& value, Int otherwise);
const Str* text_argument(Run& run, const Value& value, const char* of);

}  // namespace hearth::jinja
