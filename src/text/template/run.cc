#include "text/template/run.h"

#include <algorithm>

#include "base/error.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

std::string at_line(int line) { return "chat template, line " + std::to_string(line) + ": "; }

}  // namespace

void Run::fail(const std::string& what) const {
  throw Error(ErrorCode::kInvalidArgument, at_line(line) + what);
}

void Run::fail_limit(const std::string& what) const {
  throw Error(ErrorCode::kResourceExhausted, at_line(line) + what);
}

void Run::fail_unsupported(const std::string& what) const {
  throw Error(ErrorCode::kUnsupported, at_line(line) + what);
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
  arena.bytes.push_back(std::move(text));
  return arena.bytes.back();
}

Value Run::static_text(std::string_view text) {
  arena.strings.push_back({text});
  Value value;
  value.kind = Kind::kString;
  value.str = &arena.strings.back();
  return value;
}

Value Run::text(std::string_view text) {
  charge_bytes(text.size());
  return static_text(keep(std::string(text)));
}

Value Run::user_text(std::string_view text) {
  Value value = static_text(text);
  if (!text.empty()) arena.strings.back().taint = Taint::kAll;
  return value;
}

Value Run::slice(const Str& str, std::size_t begin, std::size_t end) {
  charge();
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
    charge(1 + spans.size() / kSpansPerOperation);
    if (!spans.empty()) {
      part.taint = Taint::kSome;
      arena.spans.push_back(std::move(spans));
      part.spans = &arena.spans.back();
    }
  }
  arena.strings.push_back(part);
  Value value;
  value.kind = Kind::kString;
  value.str = &arena.strings.back();
  return value;
}

Value Run::markup(const Value& str, bool is_markup) {
  if (str.str->markup == is_markup) return str;
  arena.strings.push_back(*str.str);
  arena.strings.back().markup = is_markup;
  Value value = str;
  value.str = &arena.strings.back();
  return value;
}

Value Run::list(std::vector<Value> items, Kind kind) {
  charge_items(items.size());
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, nesting(item));
  arena.lists.push_back({std::move(items), checked_depth(depth + 1)});
  Value value;
  value.kind = kind;
  value.list = &arena.lists.back();
  return value;
}

Value Run::dict(std::vector<std::pair<Value, Value>> items) {
  charge_items(2 * items.size());
  int depth = 0;
  for (const auto& [key, item] : items) depth = std::max({depth, nesting(key), nesting(item)});
  Dict dict;
  dict.depth = checked_depth(depth + 1);
  dict.items = std::move(items);
  if (dict.items.size() > kIndexedFrom) {
    charge(dict.items.size());
    for (std::size_t i = 0; i < dict.items.size(); ++i) {
      const Value& key = dict.items[i].first;
      if (key.is(Kind::kString)) dict.index.emplace(key.str->text, i);
    }
  }
  arena.dicts.push_back(std::move(dict));
  Value value;
  value.kind = Kind::kDict;
  value.dict = &arena.dicts.back();
  return value;
}

Value Run::undefined(std::string_view name) {
  arena.undefineds.push_back({name, nullptr, nullptr});
  Value value;
  value.kind = Kind::kUndefined;
  value.undefined = &arena.undefineds.back();
  return value;
}

Value Run::undefined_attribute(const Value& owner, std::string_view name) {
  const Value value = undefined(name);
  arena.undefineds.back().owner_type = type_name(owner);
  return value;
}

Value Run::undefined_because(const char* reason) {
  const Value value = undefined({});
  arena.undefineds.back().reason = reason;
  return value;
}

Value Run::generator(std::function<bool(Value&)> next, int depth, const char* type_name) {
  charge();
  arena.generators.push_back({std::move(next), type_name, checked_depth(depth + 1)});
  Value value;
  value.kind = Kind::kGenerator;
  value.generator = &arena.generators.back();
  return value;
}

Value Run::method(const Value& self, const Native& native) {
  arena.methods.push_back({self, &native});
  Value value;
  value.kind = Kind::kMethod;
  value.method = &arena.methods.back();
  return value;
}

std::size_t Run::length(const Str& str) {
  if (str.length == kUnknownLength) {
    charge_bytes(str.text.size());
    str.length = count_code_points(str.text);
  }
  return str.length;
}

void TextBuilder::add_span(std::size_t begin, std::size_t end) {
  if (begin == end) return;
  if (!spans_.empty() && spans_.back().end == begin) {
    spans_.back().end = end;
  } else {
    spans_.push_back({begin, end});
  }
}

void TextBuilder::append(std::string_view text, bool from_user) {
  run_.charge(text.size() / kBytesPerOperation);
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
  std::size_t pieces = 0;
  each_user_span(str, begin, end, [&](Span span) {
    ++pieces;
    add_span(base + span.begin, base + span.end);
  });
  run_.charge(pieces / kSpansPerOperation);
}

void TextBuilder::append_code_point(std::uint32_t code_point, bool from_user) {
  std::string encoded;
  jinja::append_code_point(encoded, code_point);
  append(encoded, from_user);
}

void TextBuilder::repeat(char c, std::size_t count) {
  if (count > run_.limits().text_bytes) {
    run_.fail_limit("a text grows beyond " + std::to_string(run_.limits().text_bytes) + " bytes");
  }
  run_.charge_bytes(count);
  append(std::string(count, c));
}

Value TextBuilder::finish(bool markup) {
  run_.charge();
  Str str{run_.keep(std::move(bytes_))};
  str.markup = markup;
  if (!spans_.empty()) {
    const bool whole =
        spans_.size() == 1 && spans_[0].begin == 0 && spans_[0].end == str.text.size();
    str.taint = whole ? Taint::kAll : Taint::kSome;
    if (!whole) {
      run_.arena.spans.push_back(std::move(spans_));
      str.spans = &run_.arena.spans.back();
    }
  }
  run_.arena.strings.push_back(str);
  Value value;
  value.kind = Kind::kString;
  value.str = &run_.arena.strings.back();
  return value;
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
