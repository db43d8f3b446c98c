#include "text/template/native.h"
#include "text/template/operations.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

void repr_character(TextBuilder& out, std::uint32_t c, char quote, bool from_user) {
  switch (c) {
    case '\\': out.append("\\\\", from_user); return;
    case '\n': out.append("\\n", from_user); return;
    case '\r': out.append("\\r", from_user); return;
    case '\t': out.append("\\t", from_user); return;
    default: break;
  }
  if (c == static_cast<std::uint32_t>(quote)) out.append("\\", from_user);
  if (is_printable(c) || c >= kMalformed) {
    out.append_code_point(c, from_user);
  } else if (c < 0x100) {
    out.append_escape('x', c, 2, from_user);
  } else if (c < 0x10000) {
    out.append_escape('u', c, 4, from_user);
  } else {
    out.append_escape('U', c, 8, from_user);
  }
}

void repr_text(Run& run, const Str& str, TextBuilder& out) {
  const bool single =
      str.text.find('\'') == std::string_view::npos || str.text.find('"') != std::string_view::npos;
  const std::string_view quote = single ? "'" : "\"";
  if (str.markup) out.append("Markup(");
  out.append(quote);
  for (TextReader reader(run, str); reader.more();) {
    const std::uint32_t c = reader.next();
    repr_character(out, c, quote[0], reader.from_user());
  }
  out.append(quote);
  if (str.markup) out.append(")");
}

void repr_items(Run& run, const std::vector<Value>& items, TextBuilder& out, int depth) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.append(", ");
    print_repr(run, items[i], out, depth + 1);
  }
}

void repr_dict(Run& run, const Dict& dict, TextBuilder& out, int depth) {
  out.append("{");
  bool first = true;
  for (const auto& [key, value] : dict.items) {
    if (!first) out.append(", ");
    first = false;
    print_repr(run, key, out, depth + 1);
    out.append(": ");
    print_repr(run, value, out, depth + 1);
  }
  out.append("}");
}

void repr_view(Run& run, const Value& value, TextBuilder& out, int depth) {
  out.append(type_name(value));
  out.append("([");
  const auto next = iterate(run, value);
  bool first = true;
  for (Value item; next(item);) {
    if (!first) out.append(", ");
    first = false;
    print_repr(run, item, out, depth + 1);
  }
  out.append("])");
}

void repr_range(const Range& range, TextBuilder& out) {
  out.append("range(" + int_to_string(range.start) + ", " + int_to_string(range.stop));
  if (range.step != 1) out.append(", " + int_to_string(range.step));
  out.append(")");
}

void repr_namespace(Run& run, const Namespace& names, TextBuilder& out, int depth) {
  out.append("<Namespace {");
  bool first = true;
  for (const auto& [name, value] : names.attributes) {
    if (!first) out.append(", ");
    first = false;
    repr_text(run, Str{name, nullptr, Taint::kAll}, out);  // may come from a user's dict
    out.append(": ");
    print_repr(run, value, out, depth + 1);
  }
  out.append("}>");
}

std::string_view entity(std::uint32_t c) {
  switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '\'': return "&#39;";
    case '"': return "&#34;";
    default: return {};
  }
}

}  // namespace

void print_repr(Run& run, const Value& value, TextBuilder& out, int depth) {
  if (depth > kNestingMax) run.fail_limit("values nest too deep to print");
  run.charge();
  switch (value.kind) {
    case Kind::kMissing:
    case Kind::kUndefined: out.append("Undefined"); return;
    case Kind::kNone: out.append("None"); return;
    case Kind::kBool: out.append(value.boolean ? "True" : "False"); return;
    case Kind::kInt: out.append(int_to_string(value.integer)); return;
    case Kind::kFloat: out.append(float_to_string(value.number)); return;
    case Kind::kString: repr_text(run, *value.str, out); return;
    case Kind::kList:
      out.append("[");
      repr_items(run, value.list->items, out, depth);
      out.append("]");
      return;
    case Kind::kTuple:
      out.append("(");
      repr_items(run, value.list->items, out, depth);
      out.append(value.list->items.size() == 1 ? ",)" : ")");
      return;
    case Kind::kDict: repr_dict(run, *value.dict, out, depth); return;
    case Kind::kDictView: repr_view(run, value, out, depth); return;
    case Kind::kRange: repr_range(*value.range, out); return;
    case Kind::kNamespace: repr_namespace(run, *value.names, out, depth); return;
    default: out.append(std::string("<") + type_name(value) + ">"); return;
  }
}

void print(Run& run, const Value& value, TextBuilder& out) {
  if (value.is(Kind::kString)) {
    out.append(*value.str);
  } else if (!value.is(Kind::kUndefined)) {
    print_repr(run, value, out);
  }
}

Value to_text(Run& run, const Value& value) {
  if (value.is(Kind::kString)) return value;
  TextBuilder out(run);
  print(run, value, out);
  return out.finish();
}

Value escape_html(Run& run, const Value& value) {
  const Value text = to_text(run, value);
  if (text.str->markup) return text;
  const Str& str = *text.str;
  TextBuilder out(run);
  std::size_t begin = 0;
  for (TextReader reader(run, str); reader.more();) {
    const std::size_t at = reader.at();
    const std::string_view replacement = entity(reader.next());
    if (replacement.empty()) continue;
    out.append(str, begin, at);
    out.append(replacement, reader.from_user());
    begin = reader.at();
  }
  out.append(str, begin, str.text.size());
  return out.finish(true);
}

}  // namespace hearth::jinja
