#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "text/template/convert.h"
#include "text/template/merge_sort.h"
#include "text/template/operations.h"
#include "text/template/unicode.h"

namespace hearth::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(Run& run, const JsonStyle& style) : run_(run), style_(style), out_(run) {}

  Value write(const Value& value) {
    any(value, 0);
    return out_.finish();
  }

 private:
  void any(const Value& value, int depth);
  void text(const Str& str);
  void character(std::uint32_t c, bool from_user);
  void escape(std::uint32_t unit, bool from_user);
  void list(const std::vector<Value>& items, int depth);
  void dict(const Dict& dict, int depth);
  void key(const Value& key);
  void newline(int depth);
  static std::string number(double value);

  Run& run_;
  const JsonStyle& style_;
  TextBuilder out_;
};

std::string JsonWriter::number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return float_to_string(value);
}

void JsonWriter::any(const Value& value, int depth) {
  if (depth > kNestingMax) run_.fail_limit("values nest too deep to print as JSON");
  run_.charge();
  switch (value.kind) {
    case Kind::kNone: out_.append("null"); return;
    case Kind::kBool: out_.append(value.boolean ? "true" : "false"); return;
    case Kind::kInt: out_.append(int_to_string(value.integer)); return;
    case Kind::kFloat: out_.append(number(value.number)); return;
    case Kind::kString: text(*value.str); return;
    case Kind::kList:
    case Kind::kTuple: list(value.list->items, depth); return;
    case Kind::kDict: dict(*value.dict, depth); return;
    default: break;
  }
  run_.fail(std::string("Object of type ") + type_name(value) + " is not JSON serializable");
}

void JsonWriter::escape(std::uint32_t unit, bool from_user) {
  char buffer[8];
  std::snprintf(buffer, sizeof buffer, "\\u%04x", unit & 0xFFFFu);
  out_.append(buffer, from_user);
}

void JsonWriter::character(std::uint32_t c, bool from_user) {
  switch (c) {
    case '"': out_.append("\\\"", from_user); return;
    case '\\': out_.append("\\\\", from_user); return;
    case '\n': out_.append("\\n", from_user); return;
    case '\r': out_.append("\\r", from_user); return;
    case '\t': out_.append("\\t", from_user); return;
    case '\b': out_.append("\\b", from_user); return;
    case '\f': out_.append("\\f", from_user); return;
    default: break;
  }
  if (c < 0x20 || (style_.ascii && c > 0x7E && c < 0x10000)) {
    escape(c, from_user);
  } else if (style_.ascii && c >= 0x10000 && c < kMalformed) {
    escape(0xD800 + ((c - 0x10000) >> 10), from_user);
    escape(0xDC00 + ((c - 0x10000) & 0x3FF), from_user);
  } else {
    out_.append_code_point(c, from_user);
  }
}

void JsonWriter::text(const Str& str) {
  run_.charge(str.text.size() / 32);
  out_.append("\"");
  const bool plain = std::all_of(str.text.begin(), str.text.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && c != '"' && c != '\\' &&
           (byte < 0x7F || (!style_.ascii && byte != 0x7F));
  });
  if (plain) {
    out_.append(str);
  } else {
    for (TextReader reader(str); reader.more();) {
      const std::uint32_t c = reader.next();
      character(c, reader.from_user());
    }
  }
  out_.append("\"");
}

void JsonWriter::newline(int depth) {
  if (!style_.indent) return;
  out_.append("\n");
  for (int i = 0; i < depth; ++i) out_.append(*style_.indent);
}

void JsonWriter::list(const std::vector<Value>& items, int depth) {
  if (items.empty()) {
    out_.append("[]");
    return;
  }
  out_.append("[");
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out_.append(style_.item_separator);
    newline(depth + 1);
    any(items[i], depth + 1);
  }
  newline(depth);
  out_.append("]");
}

void JsonWriter::key(const Value& key) {
  if (key.is(Kind::kString)) {
    text(*key.str);
    return;
  }
  out_.append("\"");
  switch (key.kind) {
    case Kind::kInt: out_.append(int_to_string(key.integer)); break;
    case Kind::kFloat: out_.append(number(key.number)); break;
    case Kind::kBool: out_.append(key.boolean ? "true" : "false"); break;
    case Kind::kNone: out_.append("null"); break;
    default: run_.fail(std::string("JSON keys cannot be of type ") + type_name(key));
  }
  out_.append("\"");
}

void JsonWriter::dict(const Dict& dict, int depth) {
  if (dict.items.empty()) {
    out_.append("{}");
    return;
  }
  std::vector<const std::pair<Value, Value>*> items;
  for (const auto& item : dict.items) items.push_back(&item);
  if (style_.sort_keys) {
    merge_sort(items, [&](const auto* a, const auto* b) { return less(run_, a->first, b->first); });
  }
  out_.append("{");
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out_.append(style_.item_separator);
    newline(depth + 1);
    key(items[i]->first);
    out_.append(style_.key_separator);
    any(items[i]->second, depth + 1);
  }
  newline(depth);
  out_.append("}");
}

// Strings of a parsed document live in the arena, and keep the mark of the text they came from.
Value own(Run& run, const nlohmann::ordered_json& json, bool from_user) {
  if (json.is_string()) {
    const Value text = run.text(json.get_ref<const std::string&>());
    return from_user ? run.user_text(text.str->text) : text;
  }
  std::vector<Value> items;
  if (json.is_array()) {
    for (const auto& item : json) items.push_back(own(run, item, from_user));
    return run.list(std::move(items));
  }
  if (!json.is_object()) return from_json_value(run, json, from_user);
  std::vector<std::pair<Value, Value>> pairs;
  for (const auto& [name, item] : json.items()) {
    const Value key = run.text(name);
    pairs.emplace_back(from_user ? run.user_text(key.str->text) : key, own(run, item, from_user));
  }
  return run.dict(std::move(pairs));
}

}  // namespace

Value to_json(Run& run, const Value& value, const JsonStyle& style) {
  return JsonWriter(run, style).write(value);
}

Value from_json(Run& run, const Value& text) {
  if (!text.is(Kind::kString)) run.fail("from_json wants a string");
  run.charge(text.str->text.size());  // parsing builds a tree: dearer than copying
  int deepest = 0;
  int depth = 0;
  for (const char c : text.str->text) {
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  if (deepest > kNestingMax) run.fail_limit("JSON nests too deep");
  const auto json = nlohmann::ordered_json::parse(text.str->text, nullptr, false);
  if (json.is_discarded()) run.fail("from_json got text that is not JSON");
  return own(run, json, text.str->taint != Taint::kNone);
}

Value from_json_value(Run& run, const nlohmann::ordered_json& json, bool from_user, int depth) {
  if (depth > kNestingMax) run.fail_limit("the conversation's data nests too deep");
  run.charge();
  const auto string = [&](const std::string& text) {
    return from_user ? run.user_text(text) : run.static_text(text);
  };
  switch (json.type()) {
    case nlohmann::ordered_json::value_t::boolean: return make_bool(json.get<bool>());
    case nlohmann::ordered_json::value_t::number_integer: return make_int(json.get<std::int64_t>());
    case nlohmann::ordered_json::value_t::number_unsigned:
      return make_int(json.get<std::uint64_t>());
    case nlohmann::ordered_json::value_t::number_float: return make_float(json.get<double>());
    case nlohmann::ordered_json::value_t::string: return string(json.get_ref<const std::string&>());
    case nlohmann::ordered_json::value_t::array: {
      std::vector<Value> items;
      for (const auto& item : json)
        items.push_back(from_json_value(run, item, from_user, depth + 1));
      return run.list(std::move(items));
    }
    case nlohmann::ordered_json::value_t::object: {
      std::vector<std::pair<Value, Value>> items;
      for (auto it = json.begin(); it != json.end(); ++it) {
        items.emplace_back(string(it.key()), from_json_value(run, *it, from_user, depth + 1));
      }
      return run.dict(std::move(items));
    }
    default: return make_none();
  }
}

}  // namespace hearth::jinja
