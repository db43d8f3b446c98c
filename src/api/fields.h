// The table of a request's fields: what each may be. One table validates a body and makes its
// schema in the OpenAPI document, so that the two cannot differ. A field that is null counts as
// absent. Nothing is ignored in silence: a field outside the table is refused by name, and so is
// one that is not served, unless its value asks for nothing (`harmless`).
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

namespace hearth {

// Types of JSON that a field takes; several may be or-ed.
enum FieldTypes : std::uint32_t {
  kFieldString = 1,
  kFieldInteger = 2,  // also 3.0
  kFieldNumber = 4,
  kFieldBoolean = 8,
  kFieldObject = 16,
  kFieldArray = 32,
};

struct Field {
  std::string_view name;
  std::uint32_t types = 0;
  // Of a number its value, of a string its bytes, of an array or object its members.
  double min = 0, max = 0;
  std::string_view about;  // one sentence, for the OpenAPI document
  bool required = false;
  enum class Served {
    kYes,
    kNoEffect,   // taken and checked; changes nothing here (user, metadata, …)
    kNotServed,  // refused with a 400 that says so, unless harmless(value)
  } served = Served::kYes;
  bool (*harmless)(const nlohmann::json& value) = nullptr;  // kNotServed: such a value may pass
  std::span<const Field> members = {};  // of an object, or of each object of an array
};

// Parses a body: well-formed UTF-8, at most kDepthMax levels and kValuesMax values, an object; of
// two members of one name the last counts. Throws FieldError.
nlohmann::json parse_body(std::string_view body);
inline constexpr std::size_t kDepthMax = 64;
// Also commas count, so that what is no JSON cannot ask for memory: 50 bytes each, parsed.
inline constexpr std::size_t kValuesMax = 1 << 20;

// Throws FieldError that names the field by its path ("messages[2].content"), what it is and what
// it may be.
void check_fields(const nlohmann::json& object, std::span<const Field> table,
                  std::string_view path = {});

// The JSON Schema of a table.
nlohmann::json schema_of(std::span<const Field> table);

}  // namespace hearth
