#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "text/template/convert.h"
#include "text/template/merge_sort.h"
#include "text/template/operations.h"
#include "text/template/read_json.h"
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
  bool stays(std::uint32_t c) const;
  void character(std::uint32_t c, bool from_user);
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

bool JsonWriter::stays(std::uint32_t c) const {
  return c >= 0x20 && c != '"' && c != '\\' && (!style_.ascii || c <= 0x7E || c >= kMalformed);
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
  if (c < 0x10000) {
    out_.append_escape('u', c, 4, from_user);
  } else {
    out_.append_escape('u', 0xD800 + ((c - 0x10000) >> 10), 4, from_user);
    out_.append_escape('u', 0xDC00 + ((c - 0x10000) & 0x3FF), 4, from_user);
  }
}

void JsonWriter::text(const Str& str) {
  out_.append("\"");
  std::size_t begin = 0;
  for (TextReader reader(run_, str); reader.more();) {
    const std::size_t at = reader.at();
    const std::uint32_t c = reader.next();
    if (stays(c)) continue;
    out_.append(str, begin, at);
    character(c, reader.from_user());
    begin = reader.at();
  }
  out_.append(str, begin, str.text.size());
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

}  // namespace

Value to_json(Run& run, const Value& value, const JsonStyle& style) {
  return JsonWriter(run, style).write(value);
}

Value from_json(Run& run, const Value& text) {
  if (!text.is(Kind::kString)) run.fail("from_json wants a string");
  run.charge(text.str->text.size());  // parsing builds a tree: dearer than copying
  const auto json = read_json(text.str->text);
  if (!json) {
    run.fail_limit("JSON nests at most " + std::to_string(kJsonDepthMax) +
                   " levels, with at most " + std::to_string(kJsonMembersMax) +
                   " members in an object");
  }
  if (json->is_discarded()) run.fail("from_json got text that is not JSON");
  const bool from_user = text.str->taint != Taint::kNone;
  return from_json_value(run, *json, {from_user, true});
}

Value from_json_value(Run& run, const nlohmann::ordered_json& json, JsonText how, int depth) {
  if (depth > kNestingMax) run.fail_limit("the conversation's data nests too deep");
  run.charge();
  const auto string = [&](const std::string& json_text) {
    std::string_view text = json_text;
    if (how.copied) {
      run.charge_bytes(text.size());
      text = run.keep(json_text);
    }
    return how.from_user ? run.user_text(text) : run.static_text(text);
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
      for (const auto& item : json) items.push_back(from_json_value(run, item, how, depth + 1));
      return run.list(std::move(items));
    }
    case nlohmann::ordered_json::value_t::object: {
      std::vector<std::pair<Value, Value>> items;
      for (auto it = json.begin(); it != json.end(); ++it) {
        items.emplace_back(string(it.key()), from_json_value(run, *it, how, depth + 1));
      }
      return run.dict(std::move(items));
    }
    default: return make_none();
  }
}

}  // namespace hearth::jinja
