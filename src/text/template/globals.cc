#include <ctime>

#include "text/template/native.h"
#include "text/template/operations.h"

namespace hearth::jinja {
namespace {

using V = Value;

// The sandbox's own limit on range().
constexpr Int kRangeMax = 100'000;

V range(Run& run, const V&, const Bound& a) {
  const bool one = a[1].missing();
  for (const V& value : {a[0], a[1], a[2]}) {
    if (value.is(Kind::kNone)) run.fail("range() wants integers, got None");
  }
  Range range{one ? 0 : int_argument(run, a[0], 0), int_argument(run, one ? a[0] : a[1], 0),
              int_argument(run, a[2], 1)};
  if (range.step == 0) run.fail("range() wants a step other than 0");
  if (range.size() > kRangeMax) run.fail_limit("range() makes at most 100000 numbers");
  return run.range(range);
}

// Pairs from a dict or a list of pairs, then the named arguments: what dict() and namespace() take.
std::vector<std::pair<V, V>> pairs(Run& run, const Args& args) {
  std::vector<std::pair<V, V>> items;
  if (args.positional.size() > 1) run.fail("dict() takes at most one positional argument");
  if (!args.positional.empty()) {
    const V& source = args.positional[0];
    if (source.is(Kind::kDict)) {
      run.charge_items(2 * source.dict->items.size());
      items = source.dict->items;
    } else {
      for (const V& item : to_vector(run, source)) {
        const std::vector<V> pair = to_vector(run, item);
        if (pair.size() != 2) run.fail("dict() wants pairs");
        dict_put(run, items, pair[0], pair[1]);
      }
    }
  }
  // The names may come from a user's dict, through **.
  for (const auto& [name, value] : args.named) dict_put(run, items, run.user_text(name), value);
  return items;
}

V dict(Run& run, const V&, const Bound& a) { return run.dict(pairs(run, *a.all)); }

V make_namespace(Run& run, const V&, const Bound& a) {
  std::vector<std::pair<std::string_view, V>> attributes;
  for (const auto& [key, value] : pairs(run, *a.all)) {
    const std::string_view name = text_argument(run, key, "namespace")->text;
    if (name.starts_with('_')) run.fail("a namespace cannot store names that begin with '_'");
    attributes.emplace_back(name, value);
  }
  return run.names(std::move(attributes));
}

V raise_exception(Run& run, const V&, const Bound& a) {
  const V message = to_text(run, a[0]);
  run.fail("the template refuses this conversation: " + std::string(message.str->text));
}

V strftime_now(Run& run, const V&, const Bound& a) {
  const Str& str = *text_argument(run, a[0], "strftime_now");
  const std::string_view format = str.text;
  constexpr std::string_view kKnown = "aAbBcdDeFgGHIjklmMnpPrRsStTuUVwWxXyYzZhC%";
  TextBuilder out(run);
  for (std::size_t i = 0; i < format.size(); ++i) {
    run.charge();
    if (format[i] != '%' || i + 1 >= format.size()) {
      out.append(str, i, i + 1);
      continue;
    }
    ++i;
    const bool unpadded = format[i] == '-' && i + 1 < format.size();
    if (unpadded) ++i;
    if (format[i] == 'f') {
      out.append("000000");
    } else if (kKnown.find(format[i]) == std::string_view::npos) {
      run.fail_unsupported("strftime_now does not know '%" + std::string(1, format[i]) + "'");
    } else {
      run.charge(8);  // glibc looks at the clock's zone again each time, 1 us
      const char directive[] = {'%', unpadded ? '-' : format[i], unpadded ? format[i] : '\0', '\0'};
      char buffer[128];  // the longest, %c, is about 30 bytes in any locale we set
      const std::size_t size = std::strftime(buffer, sizeof buffer, directive, &run.now());
      out.append(std::string_view(buffer, size));
    }
  }
  return out.finish();
}

constexpr Native kGlobals[] = {
    {"range", "start stop? step?", range},    {"dict", "*", dict},
    {"namespace", "*", make_namespace},       {"raise_exception", "message", raise_exception},
    {"strftime_now", "format", strftime_now},
};

}  // namespace

const Native* find_global(std::string_view name) noexcept {
  for (const Native& global : kGlobals) {
    if (global.name == name) return &global;
  }
  return nullptr;
}

}  // namespace hearth::jinja
