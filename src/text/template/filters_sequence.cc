#include <algorithm>
#include <memory>

#include "text/template/filters.h"
#include "text/template/merge_sort.h"
#include "text/template/operations.h"
#include "text/template/text_operations.h"

namespace hearth::jinja {
namespace {

using V = Value;

// "a.b.0": attributes of attributes, whole numbers as indices.
V look_up_path(Run& run, V item, const V& path) {
  if (!path.is(Kind::kString))
    return path.missing() || path.is(Kind::kNone) ? item : get_item(run, item, path);
  const V parts = split(run, *path.str, run.static_text("."), -1, false);
  for (const V& part : parts.list->items) {
    const std::string_view text = part.str->text;
    const bool index =
        !text.empty() && text.size() < 10 &&
        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    item = get_item(run, item, index ? make_int(std::atoi(std::string(text).c_str())) : part);
  }
  return item;
}

V ignore_case(Run& run, const V& value) {
  return value.is(Kind::kString) ? lower(run, *value.str) : value;
}

// What a value sorts by: its path's value, in lower case unless case counts.
V sort_key(Run& run, const V& item, const V& path, const V& case_sensitive) {
  const V value = look_up_path(run, item, path);
  return !case_sensitive.missing() && truthy(case_sensitive) ? value : ignore_case(run, value);
}

struct Keyed {
  V key;
  V value;
};

void sort_by_key(Run& run, std::vector<Keyed>& items, bool reverse) {
  // Python keeps the order of equal items in both directions.
  merge_sort(items, [&](const Keyed& a, const Keyed& b) {
    return reverse ? less(run, b.key, a.key) : less(run, a.key, b.key);
  });
}

V values_of(Run& run, const std::vector<Keyed>& items) {
  std::vector<V> values;
  for (const Keyed& item : items) values.push_back(item.value);
  return run.list(std::move(values));
}

V sort(Run& run, const V& self, const Bound& a) {
  std::vector<Keyed> items;
  for (const V& item : to_vector(run, self)) {
    std::vector<V> keys;
    if (a[2].is(Kind::kString)) {
      const V paths = split(run, *a[2].str, run.static_text(","), -1, false);
      for (const V& path : paths.list->items) keys.push_back(sort_key(run, item, path, a[1]));
    } else {
      keys.push_back(sort_key(run, item, a[2], a[1]));
    }
    items.push_back({run.list(std::move(keys)), item});
  }
  sort_by_key(run, items, !a[0].missing() && truthy(a[0]));
  return values_of(run, items);
}

V dictsort(Run& run, const V& self, const Bound& a) {
  if (!self.is(Kind::kDict)) {
    if (self.is(Kind::kUndefined)) fail_undefined(run, self);
    run.fail(std::string("dictsort wants a dict, got ") + type_name(self));
  }
  const std::string_view by =
      a[1].missing() ? std::string_view("key") : text_argument(run, a[1], "dictsort")->text;
  if (by != "key" && by != "value") run.fail("dictsort sorts by \"key\" or \"value\"");
  std::vector<Keyed> items;
  for (const auto& [key, value] : self.dict->items) {
    items.push_back({sort_key(run, by == "key" ? key : value, V{}, a[0]),
                     run.list({key, value}, Kind::kTuple)});
  }
  sort_by_key(run, items, !a[2].missing() && truthy(a[2]));
  return values_of(run, items);
}

V groupby(Run& run, const V& self, const Bound& a) {
  std::vector<Keyed> items;
  const auto key_of = [&](const V& item) {
    const V value = look_up_path(run, item, a[0]);
    return value.is(Kind::kUndefined) && !a[1].missing() ? a[1] : value;
  };
  const bool cased = !a[2].missing() && truthy(a[2]);
  for (const V& item : to_vector(run, self)) {
    items.push_back({cased ? key_of(item) : ignore_case(run, key_of(item)), item});
  }
  sort_by_key(run, items, false);
  std::vector<V> groups;
  for (std::size_t i = 0; i < items.size();) {
    std::vector<V> members;
    const std::size_t first = i;
    for (; i < items.size() && equal(run, items[i].key, items[first].key); ++i) {
      members.push_back(items[i].value);
    }
    groups.push_back(
        run.list({key_of(items[first].value), run.list(std::move(members))}, Kind::kTuple));
  }
  return run.list(std::move(groups));
}

V unique(Run& run, const V& self, const Bound& a) {
  auto seen = std::make_shared<std::vector<V>>();
  return run.generator([&run, next = iterate(run, self), seen, cased = a[0], path = a[1]](V& item) {
    while (next(item)) {
      const V key = sort_key(run, item, path, cased);
      const bool known = std::any_of(seen->begin(), seen->end(),
                                     [&](const V& other) { return equal(run, other, key); });
      if (known) continue;
      run.charge();
      seen->push_back(key);
      return true;
    }
    return false;
  });
}

template <bool kMax>
V extreme(Run& run, const V& self, const Bound& a) {
  const auto next = iterate(run, self);
  V best;
  V best_key;
  for (V item; next(item);) {
    const V key = sort_key(run, item, a[1], a[0]);
    if (best.missing() || (kMax ? less(run, best_key, key) : less(run, key, best_key))) {
      best = item;
      best_key = key;
    }
  }
  return best.missing() ? run.undefined_because("no aggregated item, sequence was empty") : best;
}

V sum(Run& run, const V& self, const Bound& a) {
  V total = a[1].missing() ? make_int(0) : a[1];
  if (total.is(Kind::kString)) run.fail("sum cannot add up strings");
  const auto next = iterate(run, self);
  for (V item; next(item);) total = arithmetic(run, Op::kAdd, total, look_up_path(run, item, a[0]));
  return total;
}

V join_filter(Run& run, const V& self, const Bound& a) {
  std::vector<V> items = to_vector(run, self);
  if (!a[1].missing() && !a[1].is(Kind::kNone)) {
    for (V& item : items) item = look_up_path(run, item, a[1]);
  }
  const V separator = a[0].missing() ? run.static_text("") : to_text(run, a[0]);
  return join(run, *run.markup(separator, false).str, items, false);
}

V first(Run& run, const V& self, const Bound&) {
  V item;
  return iterate(run, self)(item) ? item
                                  : run.undefined_because("no first item, sequence was empty");
}

V last(Run& run, const V& self, const Bound&) {
  if (self.is(Kind::kGenerator)) run.fail("'generator' object is not reversible");
  const std::vector<V> items = to_vector(run, self);
  return items.empty() ? run.undefined_because("no last item, sequence was empty") : items.back();
}

V reverse(Run& run, const V& self, const Bound&) {
  if (self.is(Kind::kString)) return get_slice(run, self, V{}, V{}, make_int(-1));
  std::vector<V> items = to_vector(run, self);
  std::reverse(items.begin(), items.end());
  const V list = run.list(std::move(items));
  if (self.is(Kind::kGenerator)) return list;  // Python falls back to a list there
  return run.generator(iterate(run, list), "list_reverseiterator");
}

V list_filter(Run& run, const V& self, const Bound&) { return run.list(to_vector(run, self)); }

V items_filter(Run& run, const V& self, const Bound&) {
  if (!self.is(Kind::kDict) && !self.is(Kind::kUndefined)) {
    return run.generator([&run](V&) -> bool { run.fail("items wants a mapping"); });
  }
  if (self.is(Kind::kUndefined)) return run.generator([](V&) { return false; });
  return run.generator(iterate(run, run.view(*self.dict, DictView::Part::kItems)));
}

V map_filter(Run& run, const V& self, const Bound& a) {
  const Args& args = *a.all;
  if (!truthy(self)) return run.generator([](V&) { return false; });
  if (args.positional.empty()) {
    const Value* path = args.find(run, "attribute");
    const Value* otherwise = args.find(run, "default");
    if (path == nullptr) run.fail("map wants a filter or an attribute");
    return run.generator([&run, next = iterate(run, self), path = *path,
                          otherwise = otherwise ? *otherwise : V{}](V& item) {
      if (!next(item)) return false;
      item = look_up_path(run, item, path);
      if (item.is(Kind::kUndefined) && !otherwise.missing()) item = otherwise;
      return true;
    });
  }
  const std::string_view name = text_argument(run, args.positional[0], "map")->text;
  const Native* filter = find_filter(name);
  if (filter == nullptr) run.fail("there is no filter named '" + std::string(name) + "'");
  run.charge_items(args.positional.size() + 2 * args.named.size());
  Args rest{{args.positional.begin() + 1, args.positional.end()}, args.named};
  return run.generator([&run, next = iterate(run, self), filter, rest = std::move(rest)](V& item) {
    if (!next(item)) return false;
    item = call_native(run, *filter, item, rest);
    return true;
  });
}

// select, reject, selectattr, rejectattr.
template <bool kWanted, bool kByAttribute>
V select(Run& run, const V& self, const Bound& a) {
  const Args& args = *a.all;
  if (!truthy(self)) return run.generator([](V&) { return false; });
  constexpr std::size_t kTestAt = kByAttribute ? 1 : 0;
  if (args.positional.size() < kTestAt) run.fail("an attribute's name is missing");
  const V path = kByAttribute ? args.positional[0] : V{};
  const Native* test = nullptr;
  Args rest;
  if (args.positional.size() > kTestAt) {
    const std::string_view name = text_argument(run, args.positional[kTestAt], "select")->text;
    test = find_test(name);
    if (test == nullptr) run.fail("there is no test named '" + std::string(name) + "'");
    run.charge_items(args.positional.size() + 2 * args.named.size());
    rest.positional.assign(args.positional.begin() + kTestAt + 1, args.positional.end());
    rest.named = args.named;
  }
  return run.generator(
      [&run, next = iterate(run, self), path, test, rest = std::move(rest)](V& item) {
        while (next(item)) {
          const V value = look_up_path(run, item, path);
          const V verdict = test == nullptr ? value : call_native(run, *test, value, rest);
          if (truthy(verdict) == kWanted) return true;
        }
        return false;
      });
}

V batch(Run& run, const V& self, const Bound& a) {
  const Int size = int_argument(run, a[0], 1);
  std::vector<V> batches;
  std::vector<V> current;
  for (const V& item : to_vector(run, self)) {
    if (static_cast<Int>(current.size()) == size) {
      batches.push_back(run.list(std::move(current)));
      current.clear();
    }
    current.push_back(item);
  }
  if (!current.empty()) {
    while (!a[1].missing() && !a[1].is(Kind::kNone) && static_cast<Int>(current.size()) < size) {
      run.charge();
      current.push_back(a[1]);
    }
    batches.push_back(run.list(std::move(current)));
  }
  return run.generator(iterate(run, run.list(std::move(batches))));
}

V slice_filter(Run& run, const V& self, const Bound& a) {
  const std::vector<V> items = to_vector(run, self);
  const Int slices = int_argument(run, a[0], 1);
  if (slices == 0) run.fail("slice wants at least one slice");
  const Int size = static_cast<Int>(items.size());
  std::vector<V> result;
  Int begin = 0;
  for (Int i = 0; i < slices; ++i) {
    run.charge();
    const bool extra = i < size % slices;
    const Int end = begin + size / slices + (extra ? 1 : 0);
    std::vector<V> part(items.begin() + static_cast<std::ptrdiff_t>(begin),
                        items.begin() + static_cast<std::ptrdiff_t>(end));
    if (!a[1].missing() && !a[1].is(Kind::kNone) && !extra) part.push_back(a[1]);
    result.push_back(run.list(std::move(part)));
    begin = end;
  }
  return run.generator(iterate(run, run.list(std::move(result))));
}

constexpr Native kSequenceFilters[] = {
    {"join", "d? attribute?", join_filter},
    {"items", "", items_filter},
    {"list", "", list_filter},
    {"first", "", first},
    {"last", "", last},
    {"reverse", "", reverse},
    {"sort", "reverse? case_sensitive? attribute?", sort},
    {"dictsort", "case_sensitive? by? reverse?", dictsort},
    {"groupby", "attribute default? case_sensitive?", groupby},
    {"unique", "case_sensitive? attribute?", unique},
    {"min", "case_sensitive? attribute?", extreme<false>},
    {"max", "case_sensitive? attribute?", extreme<true>},
    {"sum", "attribute? start?", sum},
    {"map", "*", map_filter},
    {"select", "*", select<true, false>},
    {"reject", "*", select<false, false>},
    {"selectattr", "*", select<true, true>},
    {"rejectattr", "*", select<false, true>},
    {"batch", "linecount fill_with?", batch},
    {"slice", "slices fill_with?", slice_filter},
};

}  // namespace

const Native* find_sequence_filter(std::string_view name) noexcept {
  for (const Native& filter : kSequenceFilters) {
    if (filter.name == name) return &filter;
  }
  return nullptr;
}

}  // namespace hearth::jinja
