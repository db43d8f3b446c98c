#include "text/template/native.h"

#include "text/template/operations.h"

namespace hearth::jinja {

const Value* Args::find(Run& run, std::string_view name) const {
  for (const auto& [key, value] : named) {
    if (run.same(key, name)) return &value;
  }
  return nullptr;
}

Value call_native(Run& run, const Native& native, const Value& self, const Args& args) {
  run.charge();
  Bound bound;
  bound.all = &args;
  if (native.parameters == "*") return native.function(run, self, bound);
  const auto wrong = [&](const std::string& what) {
    run.fail(std::string(native.name) + "() " + what);
  };
  std::size_t count = 0;
  std::size_t named_used = 0;
  for (std::string_view rest = native.parameters; !rest.empty(); ++count) {
    const std::size_t space = rest.find(' ');
    std::string_view name = rest.substr(0, space);
    rest = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
    const bool optional = name.back() == '?';
    if (optional) name.remove_suffix(1);
    const Value* named = args.find(run, name);
    if (named != nullptr) ++named_used;
    if (count < args.positional.size()) {
      if (named != nullptr) wrong("got '" + std::string(name) + "' twice");
      bound.values[count] = args.positional[count];
    } else if (named != nullptr) {
      bound.values[count] = *named;
    } else if (!optional) {
      wrong("wants the argument '" + std::string(name) + "'");
    }
  }
  if (args.positional.size() > count) {
    wrong("takes at most " + std::to_string(count) + " arguments, got " +
          std::to_string(args.positional.size()));
  }
  if (named_used < args.named.size()) wrong("got an argument by a name it does not have");
  return native.function(run, self, bound);
}

Int int_argument(Run& run, const Value& value, Int otherwise) {
  if (value.missing() || value.is(Kind::kNone)) return otherwise;
  if (value.is(Kind::kUndefined)) fail_undefined(run, value);
  if (!value.is_integral()) run.fail(std::string("an integer is wanted, got ") + type_name(value));
  const Int integer = value.as_int();
  if (integer > kArgumentMax || integer < -kArgumentMax) {
    run.fail_limit("an argument is too large: " + int_to_string(integer));
  }
  return integer;
}

const Str* text_argument(Run& run, const Value& value, const char* of) {
  if (value.is(Kind::kUndefined)) fail_undefined(run, value);
  if (!value.is(Kind::kString)) {
    run.fail(std::string(of) + " wants a string, got " + type_name(value));
  }
  return value.str;
}

}  // namespace hearth::jinja
