#include <algorithm>

#include "text/template/interpreter.h"
#include "text/template/native.h"
#include "text/template/operations.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

Next over_text(Run& run, const Str& str) {
  return [&run, &str, at = std::size_t{0}](Value& item) mutable {
    if (at >= str.text.size()) return false;
    const std::size_t begin = at;
    next_code_point(str.text, at);
    item = run.slice(str, begin, at);
    if (str.markup) item = run.markup(item, false);
    return true;
  };
}

Next over_dict(Run& run, const Dict& dict, DictView::Part part) {
  return [&run, &dict, part, i = std::size_t{0}](Value& item) mutable {
    if (i >= dict.items.size()) return false;
    const auto& [key, value] = dict.items[i++];
    if (part == DictView::Part::kItems) {
      item = run.list({key, value}, Kind::kTuple);
    } else {
      item = part == DictView::Part::kKeys ? key : value;
    }
    return true;
  };
}

// Where Python's slice(start, stop, step) begins and ends in a sequence of `size`.
struct SliceRange {
  Int start, stop, step;
};

Int slice_bound(const Value& value, Int otherwise, Int size, bool backwards) {
  if (!value.is_integral()) return otherwise;
  Int bound = value.as_int();
  if (bound < 0) bound += size;
  return std::clamp(bound, Int{backwards ? -1 : 0}, backwards ? size - 1 : size);
}

bool can_slice(const Value& value) {
  return value.missing() || value.is(Kind::kNone) || value.is_integral();
}

SliceRange slice_range(Run& run, const Value& start, const Value& stop, const Value& step,
                       Int size) {
  SliceRange result{0, size, step.is_integral() ? step.as_int() : 1};
  if (result.step == 0) run.fail("a slice's step must not be 0");
  // Longer steps reach no further, and would overflow.
  result.step = std::clamp(result.step, -size - 1, size + 1);
  const bool backwards = result.step < 0;
  result.start = slice_bound(start, backwards ? size - 1 : 0, size, backwards);
  result.stop = slice_bound(stop, backwards ? -1 : size, size, backwards);
  return result;
}

Value slice_text(Run& run, const Value& object, const SliceRange& range) {
  const Str& str = *object.str;
  const bool ascii = run.length(str) == str.text.size();
  const auto offset = [&](Int index) {
    const auto i = static_cast<std::size_t>(index);
    if (!ascii) run.charge_reading(str.text.size());
    return ascii ? i : byte_offset(str.text, i);
  };
  if (range.step == 1) {
    if (range.stop <= range.start) return run.slice(str, 0, 0);
    return run.slice(str, offset(range.start), offset(range.stop));
  }
  run.charge_reading(str.text.size());
  std::vector<std::size_t> starts;
  starts.reserve(run.length(str) + 1);
  for (std::size_t at = 0; at < str.text.size(); next_code_point(str.text, at))
    starts.push_back(at);
  starts.push_back(str.text.size());
  TextBuilder out(run);
  const Int count = Range{range.start, range.stop, range.step}.size();
  for (Int i = 0; i < count; ++i) {
    const auto index = static_cast<std::size_t>(range.start + i * range.step);
    out.append(str, starts[index], starts[index + 1]);
  }
  return out.finish(str.markup);
}

Value no_element(Run& run, const Value& object, const std::string& key) {
  const std::string reason = std::string("a ") + type_name(object) + " has no element " + key;
  return run.undefined_because(run.keep(reason).data());
}

Value item_at(Run& run, const Value& object, Int index) {
  const Int size = length_of(run, object).value_or(0);
  if (index < 0) index += size;
  if (index < 0 || index >= size) return no_element(run, object, int_to_string(index));
  const auto i = static_cast<std::size_t>(index);
  if (object.is_sequence()) return object.list->items[i];
  if (object.is(Kind::kRange)) return make_int(object.range->start + index * object.range->step);
  const Str& str = *object.str;
  std::size_t begin = i;
  if (run.length(str) != str.text.size()) {
    run.charge_reading(str.text.size());
    begin = byte_offset(str.text, i);
  }
  std::size_t end = begin;
  next_code_point(str.text, end);
  return run.slice(str, begin, end);
}

Int loop_length(Run& run, Loop& loop) {
  if (loop.known_length >= 0) return loop.known_length;
  // Like Jinja: read the rest, remember it, and go on from there. While the source is being read,
  // reading it fails, so that it is not replaced under the reader.
  std::vector<Value> rest;
  for (Value item; loop.source.read(run, item);) {
    run.charge();
    rest.push_back(item);
  }
  loop.known_length = static_cast<Int>(rest.size()) + loop.index0 + 1 + (loop.has_after ? 1 : 0);
  loop.source = Source(iterate(run, run.list(std::move(rest))));
  return loop.known_length;
}

bool peek(Run& run, Loop& loop) {
  if (!loop.has_after) loop.has_after = loop.source.read(run, loop.after);
  return loop.has_after;
}

Value loop_attribute(Run& run, Loop& loop, const Value& object, std::string_view name) {
  if (name == "index") return make_int(loop.index0 + 1);
  if (name == "index0") return make_int(loop.index0);
  if (name == "first") return make_bool(loop.index0 == 0);
  if (name == "last") return make_bool(!peek(run, loop));
  if (name == "length") return make_int(loop_length(run, loop));
  if (name == "revindex") return make_int(loop_length(run, loop) - loop.index0);
  if (name == "revindex0") return make_int(loop_length(run, loop) - loop.index0 - 1);
  if (name == "depth") return make_int(loop.depth0 + 1);
  if (name == "depth0") return make_int(loop.depth0);
  if (name == "previtem") {
    return loop.index0 == 0 ? run.undefined_because("there is no previous item") : loop.before;
  }
  if (name == "nextitem") {
    return peek(run, loop) ? loop.after : run.undefined_because("there is no next item");
  }
  const Native* method = find_method(object, name);
  return method != nullptr ? run.method(object, *method) : run.undefined_attribute(object, name);
}

// Attributes proper, without items; missing if there is none.
Value own_attribute(Run& run, const Value& object, std::string_view name) {
  if (object.is(Kind::kUndefined)) fail_undefined(run, object);
  if (object.is(Kind::kNamespace)) {
    const Value* found = object.names->find(run, name);
    return found != nullptr ? *found : Value{};
  }
  if (object.is(Kind::kLoop)) return loop_attribute(run, *object.loop, object, name);
  if (object.is(Kind::kMacro) && name == "name") return run.static_text(object.macro->node->name);
  if (name.substr(0, 2) == "__") {
    return run.undefined_because("attributes that begin with '__' cannot be used in a template");
  }
  if (is_mutating_method(object, name)) {
    return run.undefined_because("a template cannot change a list or dict in place");
  }
  const Native* method = find_method(object, name);
  return method != nullptr ? run.method(object, *method) : Value{};
}

}  // namespace

Next iterate(Run& run, const Value& value) {
  switch (value.kind) {
    case Kind::kUndefined: return [](Value&) { return false; };
    case Kind::kString: return over_text(run, *value.str);
    case Kind::kList:
    case Kind::kTuple:
      return [list = value.list, i = std::size_t{0}](Value& item) mutable {
        if (i >= list->items.size()) return false;
        item = list->items[i++];
        return true;
      };
    case Kind::kDict: return over_dict(run, *value.dict, DictView::Part::kKeys);
    case Kind::kDictView: return over_dict(run, *value.view->dict, value.view->part);
    case Kind::kRange:
      return [range = *value.range, i = Int{0}](Value& item) mutable {
        if (i >= range.size()) return false;
        item = make_int(range.start + range.step * i++);
        return true;
      };
    case Kind::kGenerator:
      return [&run, generator = value.generator](Value& item) {
        return generator->source.read(run, item);
      };
    default: break;
  }
  run.fail(std::string("'") + type_name(value) + "' object is not iterable");
}

Value get_attribute(Run& run, const Value& object, std::string_view name) {
  run.charge();
  const Value own = own_attribute(run, object, name);
  if (!own.missing()) return own;
  if (object.is(Kind::kDict)) {
    Str key{name};
    Value wrapped;
    wrapped.kind = Kind::kString;
    wrapped.str = &key;
    if (const Value* found = dict_find(run, *object.dict, wrapped)) return *found;
  }
  return run.undefined_attribute(object, name);
}

Value get_item(Run& run, const Value& object, const Value& key) {
  run.charge();
  if (object.is(Kind::kUndefined)) fail_undefined(run, object);
  if (object.is(Kind::kDict)) {
    const bool hashable = !key.is(Kind::kList) && !key.is(Kind::kDict);
    const Value* found = hashable ? dict_find(run, *object.dict, key) : nullptr;
    if (found != nullptr) return *found;
  } else if (key.is_integral() &&
             (object.is_sequence() || object.is(Kind::kString) || object.is(Kind::kRange))) {
    return item_at(run, object, key.as_int());
  }
  if (!key.is(Kind::kString)) return no_element(run, object, "with that key");
  const Value own = own_attribute(run, object, key.str->text);
  return own.missing() ? run.undefined_attribute(object, key.str->text) : own;
}

Value get_slice(Run& run, const Value& object, const Value& start, const Value& stop,
                const Value& step) {
  run.charge();
  if (object.is(Kind::kUndefined)) fail_undefined(run, object);
  if (!object.is_sequence() && !object.is(Kind::kString) && !object.is(Kind::kRange)) {
    run.fail(std::string("'") + type_name(object) + "' object cannot be sliced");
  }
  if (!can_slice(start) || !can_slice(stop) || !can_slice(step)) {
    run.fail("a slice wants integers or none");
  }
  const SliceRange range = slice_range(run, start, stop, step, length_of(run, object).value_or(0));
  if (object.is(Kind::kString)) return slice_text(run, object, range);
  if (object.is(Kind::kRange)) {
    const Range& r = *object.range;
    Range part{r.start + range.start * r.step, r.start + range.stop * r.step, r.step * range.step};
    const Int size = part.size();
    if (size <= 1) part = {part.start, part.start + size, 1};  // else steps could grow without end
    return run.range(part);
  }
  std::vector<Value> items;
  const Int count = Range{range.start, range.stop, range.step}.size();
  run.charge_items(static_cast<std::size_t>(count));
  for (Int i = 0; i < count; ++i) {
    items.push_back(object.list->items[static_cast<std::size_t>(range.start + i * range.step)]);
  }
  return run.list(std::move(items), object.kind);
}

}  // namespace hearth::jinja
