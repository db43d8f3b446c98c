// One render in progress: its arena, fuel, place in the template, and the making of values.
// Everything that loops, copies or allocates pays fuel first, so that a hostile template ends soon.
// One thread.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/template/value.h"

namespace hearth::jinja {

// One operation of fuel buys one step of evaluation, or this many bytes of text made or compared:
// 128 bytes take about as long to copy as a small expression to evaluate.
inline constexpr std::size_t kBytesPerOperation = 128;
// Pieces of user text that one operation copies.
inline constexpr std::size_t kSpansPerOperation = 8;
inline constexpr std::size_t kItemsPerOperation = 4;

struct Limits {
  std::int64_t operations = 1'000'000;
  std::size_t text_bytes = 8u << 20;  // of the output, and of any one string
  int calls = 64;                     // macros and recursive loops inside each other
  // Nested evaluations. The deepest of 980 real renders needs 41 (and 10 calls). A level takes at
  // most 650 bytes of stack in an optimized build (381 KiB measured for 600), which fits a thread
  // of 512 KiB.
  int levels = 600;
};

class Run {
 public:
  Run(const Limits& limits, const std::tm& now)
      : limits_(limits), fuel_(limits.operations), now_(now) {}

  Arena arena;
  int line = 1;

  const Limits& limits() const noexcept { return limits_; }
  const std::tm& now() const noexcept { return now_; }
  std::int64_t operations_used() const noexcept { return limits_.operations - fuel_; }

  // The template did something that Python or Jinja would refuse.
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_limit(const std::string& what) const;
  [[noreturn]] void fail_unsupported(const std::string& what) const;

  void charge(std::size_t operations = 1) {
    if (operations > static_cast<std::size_t>(limits_.operations)) fail_fuel();
    fuel_ -= static_cast<std::int64_t>(operations);
    if (fuel_ < 0) fail_fuel();
  }
  void charge_bytes(std::size_t bytes) { charge(1 + bytes / kBytesPerOperation); }
  void charge_items(std::size_t items) { charge(1 + items / kItemsPerOperation); }

  // Text made here is the template's own; `text` is copied.
  Value text(std::string_view text);
  // `text` stays where it is: a constant, or bytes that outlive the render.
  Value static_text(std::string_view text);
  Value user_text(std::string_view text);
  // Bytes [begin, end) of a string, sharing them.
  Value slice(const Str& str, std::size_t begin, std::size_t end);
  Value markup(const Value& str, bool is_markup);

  Value list(std::vector<Value> items, Kind kind = Kind::kList);
  Value dict(std::vector<std::pair<Value, Value>> items);
  Value undefined(std::string_view name);
  Value undefined_attribute(const Value& owner, std::string_view name);
  Value undefined_because(const char* reason);
  Value generator(std::function<bool(Value&)> next, int depth, const char* type_name = "generator");
  Value method(const Value& self, const Native& native);
  // Keeps `text` as long as the arena lives.
  std::string_view keep(std::string text);

  std::size_t length(const Str& str);  // in code points

 private:
  [[noreturn]] void fail_fuel() const;
  int checked_depth(int depth) const;

  Limits limits_;
  std::int64_t fuel_;
  std::tm now_;
};

// Writes text and remembers which bytes a user wrote. One thread.
class TextBuilder {
 public:
  explicit TextBuilder(Run& run) : run_(run) {}

  void append(std::string_view text, bool from_user = false);
  void append(const Str& str) { append(str, 0, str.text.size()); }
  void append(const Str& str, std::size_t begin, std::size_t end);
  void append_code_point(std::uint32_t code_point, bool from_user);
  void repeat(char c, std::size_t count);

  std::size_t size() const noexcept { return bytes_.size(); }
  const std::string& bytes() const noexcept { return bytes_; }
  std::vector<Span> take_spans() noexcept { return std::move(spans_); }
  std::string take_bytes() noexcept { return std::move(bytes_); }
  Value finish(bool markup = false);

 private:
  void add_span(std::size_t begin, std::size_t end);

  Run& run_;
  std::string bytes_;
  std::vector<Span> spans_;
};

// Walks a string's code points together with who wrote them.
class TextReader {
 public:
  explicit TextReader(const Str& str) : str_(str) {}
  bool more() const noexcept { return at_ < str_.text.size(); }
  std::uint32_t next() noexcept;
  bool from_user() const noexcept { return from_user_; }  // of the one read last

 private:
  const Str& str_;
  std::size_t at_ = 0;
  std::size_t span_ = 0;
  bool from_user_ = false;
};

}  // namespace hearth::jinja
