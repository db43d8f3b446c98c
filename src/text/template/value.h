// The values a chat template computes with: Python's types as far as templates use them.
//
// Ownership: a Value is a small handle; what it points at lives in an Arena (one per render, one
// per compiled template for its constants) and is freed with it, all at once: no reference counts,
// no cycles, no recursive destruction. Text points into the arena, the template's source or the
// caller's context. Threads: a render's arena belongs to one thread; a template's constants are
// only read. Invariants: everything but Namespace, Generator and Loop is immutable once a template
// can see it; containers nest at most kNestingMax deep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::jinja {

// Python's integers are unbounded; 127 bits hold every number in real JSON and times in
// nanoseconds. Beyond that a template is refused: what it computes with lies within
// +-(2^127 - 1), so that it can be negated.
__extension__ typedef __int128 Int;
inline constexpr Int kIntMax = (((Int{1} << 126) - 1) << 1) + 1;

// Containers inside containers: tool schemas nest below 20. Printing and comparing recurse this
// deep.
inline constexpr int kNestingMax = 64;

enum class Kind : std::uint8_t {
  kMissing,  // an argument that was not given; never visible to a template
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kDictView,
  kRange,
  kGenerator,
  kNamespace,
  kLoop,
  kMacro,
  kMethod,
  kFunction,
};

// Bytes [begin, end) of a text that came from the user.
struct Span {
  std::size_t begin;
  std::size_t end;
};

enum class Taint : std::uint8_t { kNone, kAll, kSome };

inline constexpr std::size_t kUnknownLength = static_cast<std::size_t>(-1);

struct Str {
  std::string_view text;                     // UTF-8; a malformed byte counts as one character
  const std::vector<Span>* spans = nullptr;  // ascending, disjoint; only for Taint::kSome
  Taint taint = Taint::kNone;
  bool markup = false;                          // Jinja's Markup: `+` escapes the other side
  mutable std::size_t length = kUnknownLength;  // in code points, once somebody asked
};

struct Undefined {
  std::string_view name;   // what was looked up
  const char* owner_type;  // on which type, or null for a plain variable
  const char* reason;      // replaces both, or null
};

class Run;
struct List;
struct Dict;
struct DictView;
struct Range;
struct Generator;
struct Namespace;
struct Loop;
struct Macro;
struct Method;
struct Native;

struct Value {
  Kind kind = Kind::kMissing;
  union {
    Int integer = 0;
    bool boolean;
    double number;
    const Str* str;
    const Undefined* undefined;
    const List* list;  // kList and kTuple
    const Dict* dict;
    const DictView* view;
    const Range* range;
    Generator* generator;
    Namespace* names;
    Loop* loop;
    const Macro* macro;
    const Method* method;
    const Native* function;
  };

  bool is(Kind k) const noexcept { return kind == k; }
  bool missing() const noexcept { return kind == Kind::kMissing; }
  bool is_sequence() const noexcept { return kind == Kind::kList || kind == Kind::kTuple; }
  // Python's bool is an int.
  bool is_integral() const noexcept { return kind == Kind::kInt || kind == Kind::kBool; }
  bool is_number() const noexcept { return is_integral() || kind == Kind::kFloat; }
  Int as_int() const noexcept { return kind == Kind::kBool ? Int{boolean} : integer; }
  double as_double() const noexcept {
    return kind == Kind::kFloat ? number : static_cast<double>(as_int());
  }
};

Value make_none() noexcept;
Value make_bool(bool b) noexcept;
Value make_int(Int i) noexcept;
Value make_float(double d) noexcept;

struct List {
  std::vector<Value> items;
  int depth = 1;
};

struct Dict {
  std::vector<std::pair<Value, Value>> items;  // in insertion order, keys distinct
  // The string keys, sorted, and where each stands; built for dicts of more than kIndexedFrom
  // entries. Sorted rather than hashed: who writes the keys could make hashes collide.
  std::vector<std::pair<std::string_view, std::size_t>> index;
  int depth = 1;
};
inline constexpr std::size_t kIndexedFrom = 12;  // below, comparing them all is as quick

struct DictView {
  enum class Part : std::uint8_t { kKeys, kValues, kItems };
  const Dict* dict;
  Part part;
};

struct Range {
  Int start, stop, step;
  Int size() const noexcept;
};

// Gives the next value, or false when there are no more.
using Next = std::function<bool(Value&)>;

// One pass over values made on demand. What makes them may run any part of the template (a loop's
// filter), which may reach the same Source: reading it again then fails the run, as in Python, so
// that no function is entered twice or replaced while it runs. Sources that read each other count
// as nested evaluations.
class Source {
 public:
  Source() = default;
  explicit Source(Next next) : next_(std::move(next)) {}
  bool read(Run& run, Value& item);

 private:
  Next next_;
  bool reading_ = false;
};

struct Generator {
  Source source;
  const char* type_name = "generator";
};

struct Namespace {
  std::vector<std::pair<std::string_view, Value>> attributes;
  Value* find(Run& run, std::string_view name);
};

// The `loop` variable. It reads one item ahead only when a template asks for last, nextitem or
// length.
struct Loop {
  Source source;
  std::function<Value(const Value&)> recurse;  // null unless the loop is marked recursive
  Value before, current, after;
  bool has_after = false;
  Int index0 = -1;
  Int known_length = -1;
  int depth0 = 0;
  std::vector<Value> last_changed;
  bool ever_changed = false;
};

struct Method {
  Value self;
  const Native* native;
};

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  std::deque<Str> strings;
  std::deque<std::string> bytes;
  std::deque<std::vector<Span>> spans;
  std::deque<List> lists;
  std::deque<Dict> dicts;
  std::deque<DictView> views;
  std::deque<Range> ranges;
  std::deque<Generator> generators;
  std::deque<Namespace> namespaces;
  std::deque<Loop> loops;
  std::deque<Method> methods;
  std::deque<Undefined> undefineds;
};

// Python's name of the type, for messages.
const char* type_name(const Value& value) noexcept;
bool truthy(const Value& value) noexcept;
// Nesting depth of containers below this value; 0 for a plain value.
int nesting(const Value& value) noexcept;
std::string int_to_string(Int value);
// Python's repr(float): the shortest digits that read back the same, exponent from 1e16 and below
// 1e-4.
std::string float_to_string(double value);
// A whole text as a float, in any locale; nothing if it is not one. Too large gives infinity.
std::optional<double> parse_double(std::string_view text);
// Towards zero, or nothing if 127 bits do not hold it.
std::optional<Int> float_to_int(double value) noexcept;
// Sorted user spans of str's bytes [begin, end), relative to begin, handed to `take` one by one.
void each_user_span(const Str& str, std::size_t begin, std::size_t end,
                    const std::function<void(Span)>& take);

}  // namespace hearth::jinja
