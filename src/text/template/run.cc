#include "text/template/run.h"

#include <algorithm>

#include "text/template/merge_sort.h"
#include "text/template/unicode.h"

namespace hearth::jinja {

bool Source::read(Run& run, Value& item) {
  if (reading_) run.fail("a generator or loop is read by what it reads from");
  const Scoped reading(reading_, true);
  const Level level(run, 2);  // up to 1,000 bytes of stack: a filter that calls a test that reads
  return next_(item);
}

Value* Namespace::find(Run& run, std::string_view name) {
  for (auto& [key, value] : attributes) {
    if (run.same(key, name)) return &value;
  }
  return nullptr;
}

void Run::fail_with(ErrorCode code, const std::string& what) const {
  constexpr std::size_t kShown = 500;  // an error is a message, not a document
  std::size_t end = std::min(what.size(), kShown);
  while (end > 0 && end < what.size() && (what[end] & 0xC0) == 0x80) --end;  // whole characters
  throw Error(code, "chat template, line " + std::to_string(line) + ": " + what.substr(0, end));
}

void Run::fail(const std::string& what) const { fail_with(ErrorCode::kInvalidArgument, what); }

void Run::fail_limit(const std::string& what) const {
  fail_with(ErrorCode::kResourceExhausted, what);
}

void Run::fail_unsupported(const std::string& what) const {
  fail_with(ErrorCode::kUnsupported, what);
}

void Run::fail_fuel() const {
  fail_limit("the template takes more than " + std::to_string(limits_.operations) +
             " operations; shorten the conversation or use another template");
}

int Run::checked_depth(int depth) const {
  if (depth > kNestingMax) {
    fail_limit("values nest deeper than " + std::to_string(kNestingMax) + " levels");
  }
  return depth;
}

std::string_view Run::keep(std::string text) {
  charge();
  arena_.bytes.push_back(std::move(text));
  return arena_.bytes.back();
}

Value Run::string(const Str& str) {
  charge();
  arena_.strings.push_back(str);
  Value value;
  value.kind = Kind::kString;
  value.str = &arena_.strings.back();
  return value;
}

Value Run::static_text(std::string_view text) { return string({text}); }

Value Run::text(std::string_view text) {
  charge_bytes(text.size());
  return static_text(keep(std::string(text)));
}

Value Run::user_text(std::string_view text) {
  Str str{text};
  if (!text.empty()) str.taint = Taint::kAll;
  return string(str);
}

Value Run::slice(const Str& str, std::size_t begin, std::size_t end) {
  begin = std::min(begin, end);
  Str part{str.text.substr(begin, end - begin)};
  part.markup = str.markup;
  if (part.text.empty()) {
    part.taint = Taint::kNone;
  } else if (str.taint != Taint::kSome) {
    part.taint = str.taint;
  } else {
    std::vector<Span> spans;
    each_user_span(str, begin, end, [&](Span span) { spans.push_back(span); });
    charge_bytes(spans.size() * sizeof(Span));
    if (!spans.empty()) {
      part.taint = Taint::kSome;
      arena_.spans.push_back(std::move(spans));
      part.spans = &arena_.spans.back();
    }
  }
  return string(part);
}

Value Run::markup(const Value& str, bool is_markup) {
  if (str.str->markup == is_markup) return str;
  Str marked = *str.str;
  marked.markup = is_markup;
  return string(marked);
}

Value Run::list(std::vector<Value> items, Kind kind) {
  charge();
  charge_items(items.size());
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, nesting(item));
  arena_.lists.push_back({std::move(items), checked_depth(depth + 1)});
  Value value;
  value.kind = kind;
  value.list = &arena_.lists.back();
  return value;
}

Value Run::dict(std::vector<std::pair<Value, Value>> items) {
  charge();
  charge_items(2 * items.size());
  int depth = 0;
  for (const auto& [key, item] : items) depth = std::max({depth, nesting(key), nesting(item)});
  Dict dict;
  dict.depth = checked_depth(depth + 1);
  dict.items = std::move(items);
  if (dict.items.size() > kIndexedFrom) {
    charge_items(dict.items.size());
    for (std::size_t i = 0; i < dict.items.size(); ++i) {
      const Value& key = dict.items[i].first;
      if (key.is(Kind::kString)) dict.index.emplace_back(key.str->text, i);
    }
    merge_sort(dict.index, [&](const auto& a, const auto& b) { return before(a.first, b.first); });
  }
  arena_.dicts.push_back(std::move(dict));
  Value value;
  value.kind = Kind::kDict;
  value.dict = &arena_.dicts.back();
  return value;
}

Value Run::undefined(const Undefined& what) {
  charge();
  arena_.undefineds.push_back(what);
  Value value;
  value.kind = Kind::kUndefined;
  value.undefined = &arena_.undefineds.back();
  return value;
}

Value Run::undefined(std::string_view name) { return undefined({name, nullptr, nullptr}); }

Value Run::undefined_attribute(const Value& owner, std::string_view name) {
  return undefined({name, type_name(owner), nullptr});
}

Value Run::undefined_because(const char* reason) { return undefined({{}, nullptr, reason}); }

Value Run::generator(Next next, const char* type_name) {
  charge(3);  // with what the function has captured, 350 bytes
  arena_.generators.push_back({Source(std::move(next)), type_name});
  Value value;
  value.kind = Kind::kGenerator;
  value.generator = &arena_.generators.back();
  return value;
}

Value Run::method(const Value& self, const Native& native) {
  charge();
  arena_.methods.push_back({self, &native});
  Value value;
  value.kind = Kind::kMethod;
  value.method = &arena_.methods.back();
  return value;
}

Value Run::range(const Range& range) {
  charge();
  arena_.ranges.push_back(range);
  Value value;
  value.kind = Kind::kRange;
  value.range = &arena_.ranges.back();
  return value;
}

Value Run::view(const Dict& dict, DictView::Part part) {
  charge();
  arena_.views.push_back({&dict, part});
  Value value;
  value.kind = Kind::kDictView;
  value.view = &arena_.views.back();
  return value;
}

Value Run::names(std::vector<std::pair<std::string_view, Value>> attributes) {
  charge();
  charge_items(2 * attributes.size());
  arena_.namespaces.push_back({std::move(attributes)});
  Value value;
  value.kind = Kind::kNamespace;
  value.names = &arena_.namespaces.back();
  return value;
}

Value Run::loop(Next next) {
  charge(4);  // with what the function has captured, 450 bytes
  arena_.loops.emplace_back();
  Value value;
  value.kind = Kind::kLoop;
  value.loop = &arena_.loops.back();
  value.loop->source = Source(std::move(next));
  return value;
}

std::size_t Run::length(const Str& str) {
  if (str.length == kUnknownLength) {
    charge_reading(str.text.size());
    str.length = count_code_points(str.text);
  }
  return str.length;
}

void TextBuilder::add_span(std::size_t begin, std::size_t end) {
  if (begin == end) return;
  if (!spans_.empty() && spans_.back().end == begin) {
    spans_.back().end = end;
  } else {
    run_.charge_bytes(sizeof(Span));
    spans_.push_back({begin, end});
  }
}

void TextBuilder::append(std::string_view text, bool from_user) {
  run_.charge_bytes(text.size());
  const std::size_t begin = bytes_.size();
  if (text.size() > run_.limits().text_bytes - begin) {
    run_.fail_limit("a text grows beyond " + std::to_string(run_.limits().text_bytes) + " bytes");
  }
  bytes_ += text;
  if (from_user) add_span(begin, bytes_.size());
}

void TextBuilder::append(const Str& str, std::size_t begin, std::size_t end) {
  const std::size_t base = bytes_.size();
  append(str.text.substr(begin, end - begin));
  each_user_span(str, begin, end, [&](Span span) { add_span(base + span.begin, base + span.end); });
}

void TextBuilder::append_code_point(std::uint32_t code_point, bool from_user) {
  std::string encoded;
  jinja::append_code_point(encoded, code_point);
  append(encoded, from_user);
}

void TextBuilder::append_escape(char letter, std::uint32_t code, int digits, bool from_user) {
  std::string escape{'\\', letter};
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    escape.push_back("0123456789abcdef"[(code >> shift) & 0xF]);
  }
  append(escape, from_user);
}

void TextBuilder::repeat(char c, std::size_t count) {
  if (count > run_.limits().text_bytes) {
    run_.fail_limit("a text grows beyond " + std::to_string(run_.limits().text_bytes) + " bytes");
  }
  run_.charge_bytes(count);  // the copy below is paid for again
  append(std::string(count, c));
}

Value TextBuilder::finish(bool markup) {
  Str str{run_.keep(std::move(bytes_))};
  str.markup = markup;
  if (!spans_.empty()) {
    const bool whole =
        spans_.size() == 1 && spans_[0].begin == 0 && spans_[0].end == str.text.size();
    str.taint = whole ? Taint::kAll : Taint::kSome;
    if (!whole) {
      run_.arena_.spans.push_back(std::move(spans_));
      str.spans = &run_.arena_.spans.back();
    }
  }
  return run_.string(str);
}

std::uint32_t TextReader::next() noexcept {
  if (str_.taint == Taint::kSome) {
    while (span_ < str_.spans->size() && (*str_.spans)[span_].end <= at_) ++span_;
    from_user_ = span_ < str_.spans->size() && (*str_.spans)[span_].begin <= at_;
  } else {
    from_user_ = str_.taint == Taint::kAll;
  }
  return next_code_point(str_.text, at_);
}

}  // namespace hearth::jinja
