#include "api/fields.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "api/error.h"
#include "base/utf8.h"
#include "format/printable.h"

namespace hearth {
namespace {

using nlohmann::json;

// Integers are whole up to here when they are written as 3.0 or 1e3; beyond, a double skips some.
constexpr double kExactMax = 0x1p53;
// So short a string is the value of an option; a longer one may be what a person wrote, which no
// message repeats.
constexpr std::size_t kShownBytesMax = 32;

std::string number_text(double value) {
  std::array<char, 32> text;  // "-18446744073709551616" and its end
  const bool whole = value == std::floor(value) && std::fabs(value) <= 0x1p64;
  std::snprintf(text.data(), text.size(), whole ? "%.0f" : "%g", value);
  return text.data();
}

bool is_integer(const json& value) {
  if (value.is_number_integer()) return true;
  if (!value.is_number_float()) return false;
  const double number = value.get<double>();
  return number == std::floor(number) && std::fabs(number) <= kExactMax;
}

std::uint32_t types_of(const json& value) {
  if (is_integer(value)) return kFieldInteger | kFieldNumber;
  switch (value.type()) {
    case json::value_t::string: return kFieldString;
    case json::value_t::number_float: return kFieldNumber;
    case json::value_t::boolean: return kFieldBoolean;
    case json::value_t::object: return kFieldObject;
    case json::value_t::array: return kFieldArray;
    default: return 0;
  }
}

// Not by way of a double, which rounds 2^63 + 1.
bool is_above(const json& value, double max) {
  if (!value.is_number_unsigned()) return value.get<double>() > max;
  if (max >= 0x1p64) return false;
  return max < 0 || value.get<std::uint64_t>() > static_cast<std::uint64_t>(max);
}

bool in_range(const json& value, const Field& field) {
  if (value.is_number()) return value.get<double>() >= field.min && !is_above(value, field.max);
  if (value.is_boolean()) return true;
  const std::size_t size =
      value.is_string() ? value.get_ref<const std::string&>().size() : value.size();
  return static_cast<double>(size) >= field.min && static_cast<double>(size) <= field.max;
}

std::string what_it_is(const json& value) {
  switch (value.type()) {
    case json::value_t::null: return "null";
    case json::value_t::string:
      return "a string of " + std::to_string(value.get_ref<const std::string&>().size()) + " bytes";
    case json::value_t::object: return "an object of " + std::to_string(value.size()) + " members";
    case json::value_t::array: return "an array of " + std::to_string(value.size()) + " members";
    default: return value.dump();
  }
}

std::string size_range(const Field& field, const std::string& unit) {
  if (field.min == field.max) return number_text(field.max) + " " + unit;
  const std::string from =
      field.min > 0 ? number_text(field.min) + " to " : std::string("at most ");
  return from + number_text(field.max) + " " + unit;
}

std::string what_it_may_be(const Field& field) {
  std::string text;
  const auto add = [&](FieldTypes type, const std::string& words) {
    if (!(field.types & type)) return;
    if (!text.empty()) text += " or ";
    text += words;
  };
  const std::string range = " from " + number_text(field.min) + " to " + number_text(field.max);
  add(kFieldString, "a string of " + size_range(field, "bytes"));
  if (field.types & kFieldNumber) {
    add(kFieldNumber, "a number" + range);
  } else {
    add(kFieldInteger, "an integer" + range);
  }
  add(kFieldBoolean, "true or false");
  add(kFieldObject, "an object of " + size_range(field, "members"));
  add(kFieldArray, "an array of " + size_range(field, "members"));
  return text;
}

std::string joined(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : std::string(path) + "." + std::string(name);
}

[[noreturn]] void refuse_unserved(const std::string& name, const json& value) {
  std::string message = name;
  if (value.is_string() && value.get_ref<const std::string&>().size() <= kShownBytesMax) {
    message += " " + printable_quoted(value.get_ref<const std::string&>());
  }
  throw FieldError(name, message + " is not served yet: leave it out");
}

void check_value(const json& value, const Field& field, const std::string& name) {
  if (field.served == Field::Served::kNotServed) {
    if (!field.harmless || !field.harmless(value)) refuse_unserved(name, value);
    return;
  }
  if (!(types_of(value) & field.types) || !in_range(value, field)) {
    throw FieldError(name,
                     name + " is " + what_it_is(value) + ", must be " + what_it_may_be(field));
  }
  if (field.members.empty()) return;
  if (value.is_object()) check_fields(value, field.members, name);
  if (!value.is_array()) return;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::string element = name + "[" + std::to_string(i) + "]";
    if (!value[i].is_object()) {
      throw FieldError(element, element + " is " + what_it_is(value[i]) + ", must be an object");
    }
    check_fields(value[i], field.members, element);
  }
}

void refuse_unknown(const json& object, std::span<const Field> table, std::string_view path) {
  for (const auto& [name, value] : object.items()) {
    const auto is_it = [&](const Field& field) { return field.name == name; };
    if (std::any_of(table.begin(), table.end(), is_it)) continue;
    const std::string shown = printable_quoted(name);
    throw FieldError(joined(path, shown.substr(1, shown.size() - 2)),
                     "unknown field " + shown + (path.empty() ? "" : " in " + std::string(path)) +
                         ": leave it out");
  }
}

// Bounds what the parser will build, before it does.
void check_shape(std::string_view body) {
  std::size_t depth = 0, values = 1;
  bool in_string = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if (c == '{' || c == '[' || c == ',') ++values;
    if ((c == '}' || c == ']') && depth > 0) --depth;
    if (depth > kDepthMax) {
      throw FieldError("", "the body nests deeper than " + std::to_string(kDepthMax) + " levels");
    }
    if (values > kValuesMax) {
      throw FieldError("", "the body has more than " + std::to_string(kValuesMax) + " values");
    }
  }
}

}  // namespace

json parse_body(std::string_view body) {
  if (body.empty()) throw FieldError("", "the body is empty: send a JSON object");
  if (const std::size_t valid = valid_utf8_prefix(body); valid != body.size()) {
    throw FieldError("", "the body is not UTF-8 at byte " + std::to_string(valid));
  }
  check_shape(body);
  json parsed;
  try {
    parsed = json::parse(body);
  } catch (const json::parse_error& error) {
    throw FieldError("", "the body is not JSON: see byte " + std::to_string(error.byte));
  } catch (const json::out_of_range&) {
    throw FieldError("", "the body has a number that is too large");
  }
  if (!parsed.is_object()) {
    throw FieldError("", "the body is " + what_it_is(parsed) + ", must be a JSON object");
  }
  return parsed;
}

void check_fields(const json& object, std::span<const Field> table, std::string_view path) {
  std::size_t known = 0;
  for (const Field& field : table) {
    const auto found = object.find(field.name);
    known += found != object.end();
    if (found != object.end() && !found->is_null()) {
      check_value(*found, field, joined(path, field.name));
    } else if (field.required) {
      const std::string name = joined(path, field.name);
      throw FieldError(name, name + " is missing, must be " + what_it_may_be(field));
    }
  }
  if (known != object.size()) refuse_unknown(object, table, path);
}

}  // namespace hearth
