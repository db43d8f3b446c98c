// One render in progress: its arena, fuel, place in the template, and the making of values.
// One thread.
//
// Who pays: the primitives themselves. Only Run makes values, and each costs an operation besides
// its bytes; text is written by a TextBuilder, decoded by a TextReader and compared by Run::same,
// starts_with and ends_with, which all pay for the bytes they touch. A loop that uses none of them
// pays by itself. A single pass over one text or list may pay at its end; nothing else runs first
// and pays later. So fuel bounds both the time and the memory of a render: no value takes more
// bytes than were paid for it, but for the allocator's rounding.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/template/scoped.h"
#include "text/template/value.h"

namespace hearth::jinja {

// Fuel is counted in bytes, so that no number of small pieces is free. An operation (a step of
// evaluation, a value made) is worth this many: they take about as long to copy, 100 ns.
inline constexpr std::size_t kBytesPerOperation = 128;
// To begin with a piece of text: a call or two, 6 ns.
inline constexpr std::size_t kBytesPerPiece = 8;
// To decode, look up or search a byte, against copying it: 6 ns.
inline constexpr std::size_t kBytesPerByteRead = 8;

struct Limits {
  std::int64_t operations = 1'000'000;
  std::size_t text_bytes = 8u << 20;  // of the output, and of any one string
  int calls = 64;                     // macros and recursive loops inside each other
  // Nested evaluations, and generators that read each other. The deepest of 980 real renders needs
  // 41 (and 10 calls). A level takes at most 650 bytes of stack in an optimized build (381 KiB
  // measured for 600), which fits a thread of 512 KiB.
  int levels = 600;
};

class Run {
 public:
  Run(const Limits& limits, const std::tm& now)
      : limits_(limits),
        fuel_(static_cast<std::size_t>(limits.operations) * kBytesPerOperation),
        now_(now) {}

  int line = 1;

  const Limits& limits() const noexcept { return limits_; }
  const std::tm& now() const noexcept { return now_; }
  std::int64_t operations_used() const noexcept {
    return limits_.operations - static_cast<std::int64_t>(fuel_ / kBytesPerOperation);
  }

  // The template did something that Python or Jinja would refuse.
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_limit(const std::string& what) const;
  [[noreturn]] void fail_unsupported(const std::string& what) const;

  void charge(std::size_t operations = 1) { spend(operations, kBytesPerOperation); }
  // A piece of text that is copied or compared.
  void charge_bytes(std::size_t bytes) { spend(kBytesPerPiece + bytes, 1); }
  // A piece of text that is looked at character by character, or searched.
  void charge_reading(std::size_t bytes) { spend(1 + bytes, kBytesPerByteRead); }
  void charge_items(std::size_t items) { spend(1 + items, sizeof(Value)); }

  // Names and keys are most often told apart by their sizes alone, in about 1 ns.
  bool same(std::string_view a, std::string_view b) {
    spend(a.size() == b.size() ? kBytesPerPiece + a.size() : 2, 1);
    return a == b;
  }
  bool starts_with(std::string_view text, std::string_view part) {
    return text.size() >= part.size() && same(text.substr(0, part.size()), part);
  }
  bool ends_with(std::string_view text, std::string_view part) {
    return text.size() >= part.size() && same(text.substr(text.size() - part.size()), part);
  }
  bool before(std::string_view a, std::string_view b) {
    charge_bytes(std::min(a.size(), b.size()));
    return a < b;
  }

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
  Value generator(Next next, const char* type_name = "generator");
  Value method(const Value& self, const Native& native);
  Value range(const Range& range);
  Value view(const Dict& dict, DictView::Part part);
  Value names(std::vector<std::pair<std::string_view, Value>> attributes);
  Value loop(Next next);
  // Keeps `text` as long as the arena lives.
  std::string_view keep(std::string text);

  std::size_t length(const Str& str);  // in code points

 private:
  friend class Level;
  friend class TextBuilder;

  void spend(std::size_t pieces, std::size_t bytes_each) {
    if (pieces > fuel_ / bytes_each) fail_fuel();
    fuel_ -= pieces * bytes_each;
  }
  [[noreturn]] void fail_fuel() const;
  [[noreturn]] void fail_with(ErrorCode code, const std::string& what) const;
  int checked_depth(int depth) const;
  Value undefined(const Undefined& what);
  Value string(const Str& str);

  Arena arena_;
  Limits limits_;
  std::size_t fuel_;
  int levels_ = 0;
  std::tm now_;
};

// One evaluation inside another, for as long as it lives.
class Level {
 public:
  explicit Level(Run& run, int count = 1) : deeper_(run.levels_, run.levels_ + count) {
    if (run.levels_ > run.limits_.levels) run.fail_limit("the template nests too deep");
  }

 private:
  Scoped<int> deeper_;
};

// Writes text and remembers which bytes a user wrote. One thread.
class TextBuilder {
 public:
  explicit TextBuilder(Run& run) : run_(run) {}

  void append(std::string_view text, bool from_user = false);
  void append(const Str& str) { append(str, 0, str.text.size()); }
  void append(const Str& str, std::size_t begin, std::size_t end);
  void append_code_point(std::uint32_t code_point, bool from_user);
  // A backslash, the letter, and the code in hexadecimal digits.
  void append_escape(char letter, std::uint32_t code, int digits, bool from_user);
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

// Walks a string's code points together with who wrote them. The whole string is paid for at once.
class TextReader {
 public:
  TextReader(Run& run, const Str& str) : str_(str) { run.charge_reading(str.text.size()); }
  bool more() const noexcept { return at_ < str_.text.size(); }
  std::size_t at() const noexcept { return at_; }  // where the next one begins
  std::uint32_t next() noexcept;
  bool from_user() const noexcept { return from_user_; }  // of the one read last

 private:
  const Str& str_;
  std::size_t at_ = 0;
  std::size_t span_ = 0;
  bool from_user_ = false;
};

}  // namespace hearth::jinja
