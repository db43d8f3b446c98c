#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "api/fields.h"

namespace hearth {
namespace {

using nlohmann::json;

// 2 and not 2.0, where that says the same.
json limit(double value) {
  if (value == std::floor(value) && std::fabs(value) < 0x1p63) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

json type_names(const Field& field) {
  json names = json::array();
  if (field.types & kFieldString) names.push_back("string");
  if (field.types & kFieldNumber) {
    names.push_back("number");
  } else if (field.types & kFieldInteger) {
    names.push_back("integer");
  }
  if (field.types & kFieldBoolean) names.push_back("boolean");
  if (field.types & kFieldObject) names.push_back("object");
  if (field.types & kFieldArray) names.push_back("array");
  if (!field.required) names.push_back("null");  // as good as absent
  return names.size() == 1 ? names[0] : names;
}

// A schema counts the characters of a string where a Field counts bytes. No text within a Field's
// limits breaks these.
void put_limits(const Field& field, json& schema) {
  if (field.types & (kFieldInteger | kFieldNumber)) {
    schema["minimum"] = limit(field.min);
    schema["maximum"] = limit(field.max);
  }
  const bool not_empty = field.min > 0;
  if (field.types & kFieldString) {
    if (not_empty) schema["minLength"] = 1;
    schema["maxLength"] = limit(field.max);
  }
  if (field.types & kFieldArray) {
    if (not_empty) schema["minItems"] = limit(field.min);
    schema["maxItems"] = limit(field.max);
  }
  if (field.types & kFieldObject) {
    if (not_empty) schema["minProperties"] = limit(field.min);
    schema["maxProperties"] = limit(field.max);
  }
}

json schema_of_field(const Field& field) {
  const bool closed = field.served == Field::Served::kNotServed;
  json schema;
  if (!field.members.empty() && !closed && (field.types & kFieldObject)) {
    schema = schema_of(field.members);
  }
  if (field.types) schema["type"] = type_names(field);
  schema["description"] = std::string(field.about);
  if (closed) {
    schema["description"] = "Not served yet: leave it out. " + std::string(field.about);
    return schema;
  }
  put_limits(field, schema);
  if (!field.members.empty() && (field.types & kFieldArray)) {
    schema["items"] = schema_of(field.members);
  }
  return schema;
}

}  // namespace

json schema_of(std::span<const Field> table) {
  json properties = json::object(), required = json::array();
  for (const Field& field : table) {
    properties[std::string(field.name)] = schema_of_field(field);
    if (field.required) required.push_back(std::string(field.name));
  }
  json schema = {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = required;
  return schema;
}

}  // namespace hearth
