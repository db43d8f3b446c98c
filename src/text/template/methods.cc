#include <algorithm>
#include <cmath>
#include <iterator>

#include "text/template/native.h"
#include "text/template/operations.h"
#include "text/template/text_operations.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

using V = Value;
constexpr std::size_t kNpos = std::string_view::npos;

template <Side kSide>
V strip_method(Run& run, const V& self, const Bound& a) {
  return strip(run, *self.str, a[0], kSide);
}

template <bool kFromRight>
V split_method(Run& run, const V& self, const Bound& a) {
  return split(run, *self.str, a[0], int_argument(run, a[1], -1), kFromRight);
}

V split_lines_method(Run& run, const V& self, const Bound& a) {
  return split_lines(run, *self.str, !a[0].missing() && truthy(a[0]));
}

// The part of self that start and end leave, as in find(part, start, end).
V window(Run& run, const V& self, const Bound& a) {
  if (a[1].missing()) return self;
  return get_slice(run, self, a[1], a[2], V{});
}

template <bool kAtEnd>
V has_affix(Run& run, const V& self, const Bound& a) {
  const V inside = window(run, self, a);
  const auto fits = [&](const V& affix) {
    const std::string_view part =
        text_argument(run, affix, kAtEnd ? "endswith" : "startswith")->text;
    const std::string_view text = inside.str->text;
    return kAtEnd ? run.ends_with(text, part) : run.starts_with(text, part);
  };
  if (!a[0].is(Kind::kTuple)) return make_bool(fits(a[0]));
  const auto& affixes = a[0].list->items;
  return make_bool(std::any_of(affixes.begin(), affixes.end(), fits));
}

V replace_method(Run& run, const V& self, const Bound& a) {
  const Str& from = *text_argument(run, a[0], "replace");
  V to = a[1];
  text_argument(run, to, "replace");
  if (self.str->markup) to = escape_html(run, to);
  return replace(run, *self.str, from, *to.str, int_argument(run, a[2], -1), self.str->markup);
}

// find, rfind, index, rindex: the code point where `part` stands, or -1.
template <bool kLast, bool kMustExist>
V find_method_impl(Run& run, const V& self, const Bound& a) {
  const Str& part = *text_argument(run, a[0], "find");
  const V inside = window(run, self, a);
  const std::string_view text = inside.str->text;
  const std::size_t at = kLast ? find_last(run, text, part.text) : find(run, text, part.text);
  if (at == kNpos) {
    if (kMustExist) run.fail("substring not found");
    return make_int(-1);
  }
  run.charge_reading(at);
  Int index = static_cast<Int>(count_code_points(text.substr(0, at)));
  if (!a[1].missing()) {
    Int start = int_argument(run, a[1], 0);
    if (start < 0) start = std::max(start + static_cast<Int>(run.length(*self.str)), Int{0});
    index += start;
  }
  return make_int(index);
}

V count_text(Run& run, const V& self, const Bound& a) {
  const std::string_view part = text_argument(run, a[0], "count")->text;
  const V inside = window(run, self, a);
  if (part.empty()) return make_int(static_cast<Int>(run.length(*inside.str)) + 1);
  Int count = 0;
  const std::string_view text = inside.str->text;
  for (std::size_t at = find(run, text, part); at != kNpos; ++count) {
    at = find(run, text, part, at + part.size());
  }
  return make_int(count);
}

V join_method(Run& run, const V& self, const Bound& a) {
  return join(run, *self.str, to_vector(run, a[0]), true);
}

V format_method(Run& run, const V& self, const Bound& a) { return brace_format(run, self, *a.all); }

template <bool kLast>
V partition(Run& run, const V& self, const Bound& a) {
  const Str& part = *text_argument(run, a[0], "partition");
  if (part.text.empty()) run.fail("empty separator");
  const Str& str = *self.str;
  const std::size_t size = str.text.size();
  const std::size_t at =
      kLast ? find_last(run, str.text, part.text) : find(run, str.text, part.text);
  const std::size_t none = kLast ? 0 : size;
  const std::size_t begin = at == kNpos ? none : at;
  const std::size_t end = at == kNpos ? none : at + part.text.size();
  return run.list({run.slice(str, 0, begin), run.slice(str, begin, end), run.slice(str, end, size)},
                  Kind::kTuple);
}

V remove_prefix(Run& run, const V& self, const Bound& a) {
  const std::string_view part = text_argument(run, a[0], "removeprefix")->text;
  const std::string_view text = self.str->text;
  return run.slice(*self.str, run.starts_with(text, part) ? part.size() : 0, text.size());
}

V remove_suffix(Run& run, const V& self, const Bound& a) {
  const std::string_view part = text_argument(run, a[0], "removesuffix")->text;
  const std::string_view text = self.str->text;
  return run.slice(*self.str, 0,
                   run.ends_with(text, part) ? text.size() - part.size() : text.size());
}

template <Side kSide>
V pad_method(Run& run, const V& self, const Bound& a) {
  char fill = ' ';
  if (!a[1].missing()) {
    const std::string_view text = text_argument(run, a[1], "padding")->text;
    if (text.size() != 1) run.fail("padding wants one ASCII character");
    fill = text[0];
  }
  return pad(run, *self.str, int_argument(run, a[0], 0), fill, kSide);
}

V zfill(Run& run, const V& self, const Bound& a) {
  const std::string_view text = self.str->text;
  const bool sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  const V digits = run.slice(*self.str, sign ? 1 : 0, text.size());
  const V filled =
      pad(run, *digits.str, int_argument(run, a[0], 0) - (sign ? 1 : 0), '0', Side::kRight);
  return sign ? concatenate(run, run.slice(*self.str, 0, 1), filled) : filled;
}

template <bool (*kFits)(std::uint32_t)>
V every(Run& run, const V& self, const Bound&) {
  for (TextReader reader(run, *self.str); reader.more();) {
    if (!kFits(reader.next())) return make_bool(false);
  }
  return make_bool(!self.str->text.empty());
}

template <bool kUpper>
V cased(Run& run, const V& self, const Bound&) {
  return call_native(run, *find_test(kUpper ? "upper" : "lower"), self, {});
}

#define HEARTH_TEXT_METHOD(function) \
  [](Run& run, const V& self, const Bound&) { return function(run, *self.str); }

constexpr Native kTextMethods[] = {
    {"split", "sep? maxsplit?", split_method<false>},
    {"rsplit", "sep? maxsplit?", split_method<true>},
    {"splitlines", "keepends?", split_lines_method},
    {"strip", "chars?", strip_method<Side::kBoth>},
    {"lstrip", "chars?", strip_method<Side::kLeft>},
    {"rstrip", "chars?", strip_method<Side::kRight>},
    {"startswith", "prefix start? end?", has_affix<false>},
    {"endswith", "suffix start? end?", has_affix<true>},
    {"replace", "old new count?", replace_method},
    {"find", "sub start? end?", find_method_impl<false, false>},
    {"rfind", "sub start? end?", find_method_impl<true, false>},
    {"index", "sub start? end?", find_method_impl<false, true>},
    {"rindex", "sub start? end?", find_method_impl<true, true>},
    {"count", "sub start? end?", count_text},
    {"join", "iterable", join_method},
    {"format", "*", format_method},
    {"partition", "sep", partition<false>},
    {"rpartition", "sep", partition<true>},
    {"removeprefix", "prefix", remove_prefix},
    {"removesuffix", "suffix", remove_suffix},
    {"center", "width fillchar?", pad_method<Side::kBoth>},
    {"ljust", "width fillchar?", pad_method<Side::kLeft>},
    {"rjust", "width fillchar?", pad_method<Side::kRight>},
    {"zfill", "width", zfill},
    {"upper", "", HEARTH_TEXT_METHOD(upper)},
    {"lower", "", HEARTH_TEXT_METHOD(lower)},
    {"casefold", "", HEARTH_TEXT_METHOD(lower)},
    {"title", "", HEARTH_TEXT_METHOD(title)},
    {"capitalize", "", HEARTH_TEXT_METHOD(capitalize)},
    {"isspace", "", every<is_space>},
    {"isalpha", "", every<is_alpha>},
    {"isdigit", "", every<is_digit>},
    {"isdecimal", "", every<is_digit>},
    {"isnumeric", "", every<is_digit>},
    {"isalnum", "", every<is_alnum>},
    {"isupper", "", cased<true>},
    {"islower", "", cased<false>},
};

#undef HEARTH_TEXT_METHOD

V get(Run& run, const V& self, const Bound& a) {
  const Value* found = dict_find(run, *self.dict, a[0]);
  if (found != nullptr) return *found;
  return a[1].missing() ? make_none() : a[1];
}

template <DictView::Part kPart>
V view(Run& run, const V& self, const Bound&) {
  return run.view(*self.dict, kPart);
}

V itself(Run&, const V& self, const Bound&) { return self; }

constexpr Native kDictMethods[] = {
    {"get", "key default?", get},
    {"items", "", view<DictView::Part::kItems>},
    {"keys", "", view<DictView::Part::kKeys>},
    {"values", "", view<DictView::Part::kValues>},
    {"copy", "", itself},  // nobody can tell: a dict cannot change
};

V index_of(Run& run, const V& self, const Bound& a) {
  const auto& items = self.list->items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    run.charge_items(1);
    if (equal(run, items[i], a[0])) return make_int(static_cast<Int>(i));
  }
  run.fail("the value is not in the list");
}

V count_items(Run& run, const V& self, const Bound& a) {
  Int count = 0;
  for (const V& item : self.list->items) {
    run.charge_items(1);
    if (equal(run, item, a[0])) ++count;
  }
  return make_int(count);
}

constexpr Native kListMethods[] = {
    {"index", "value", index_of},
    {"count", "value", count_items},
    {"copy", "", itself},
};

V is_integer(Run&, const V& self, const Bound&) {
  return make_bool(std::isfinite(self.number) && self.number == std::floor(self.number));
}
constexpr Native kFloatMethods[] = {{"is_integer", "", is_integer}};

V cycle(Run& run, const V& self, const Bound& a) {
  const auto& values = a.all->positional;
  if (values.empty()) run.fail("no items for cycling given");
  return values[static_cast<std::size_t>(self.loop->index0 % static_cast<Int>(values.size()))];
}

V changed(Run& run, const V& self, const Bound& a) {
  Loop& loop = *self.loop;
  const auto& now = a.all->positional;
  run.charge_items(now.size());
  const bool same = loop.ever_changed && loop.last_changed.size() == now.size() &&
                    std::equal(now.begin(), now.end(), loop.last_changed.begin(),
                               [&](const V& x, const V& y) { return equal(run, x, y); });
  loop.ever_changed = true;
  loop.last_changed = now;
  return make_bool(!same);
}

constexpr Native kLoopMethods[] = {{"cycle", "*", cycle}, {"changed", "*", changed}};

template <std::size_t kSize>
const Native* find_in(const Native (&table)[kSize], std::string_view name) noexcept {
  const Native* found = std::find_if(std::begin(table), std::end(table),
                                     [&](const Native& n) { return n.name == name; });
  return found == std::end(table) ? nullptr : found;
}

}  // namespace

const Native* find_method(const Value& self, std::string_view name) noexcept {
  switch (self.kind) {
    case Kind::kString: return find_in(kTextMethods, name);
    case Kind::kDict: return find_in(kDictMethods, name);
    case Kind::kTuple: return name == "copy" ? nullptr : find_in(kListMethods, name);
    case Kind::kList: return find_in(kListMethods, name);
    case Kind::kFloat: return find_in(kFloatMethods, name);
    case Kind::kLoop: return find_in(kLoopMethods, name);
    default: return nullptr;
  }
}

bool is_mutating_method(const Value& self, std::string_view name) noexcept {
  constexpr std::string_view kDict[] = {"clear", "pop", "popitem", "setdefault", "update"};
  constexpr std::string_view kList[] = {"append", "clear", "pop",    "reverse",
                                        "insert", "sort",  "extend", "remove"};
  if (self.is(Kind::kDict))
    return std::find(std::begin(kDict), std::end(kDict), name) != std::end(kDict);
  return self.is(Kind::kList) &&
         std::find(std::begin(kList), std::end(kList), name) != std::end(kList);
}

}  // namespace hearth::jinja
