#include "api/generation.h"

#include <nlohmann/json.hpp>

#include "api/error.h"
#include "api/values.h"
#include "format/printable.h"

namespace hearth {

using nlohmann::json;

SamplingOptions plain_sampling() {
  SamplingOptions sampling;
  sampling.temperature = 1;
  sampling.top_k = 0;
  sampling.top_p = 1;
  sampling.min_p = 0;
  return sampling;
}

void read_overflow(const json& body, Overflow& out) {
  std::string name;
  if (!read_field(body, "overflow", name)) return;
  if (name == "error") {
    out = Overflow::kError;
  } else if (name == "truncate") {
    out = Overflow::kTruncate;
  } else if (name == "shift") {
    out = Overflow::kShift;
  } else {
    throw FieldError("overflow", "overflow is " + printable_quoted(name) +
                                     ", must be 'error', 'truncate' or 'shift'");
  }
}

void note_options_given(const json& body, OptionNames names, GenerateCall& call) {
  for (const auto& [field, option] : names) {
    if (find_field(body, field) != nullptr) call.options_given.emplace_back(option);
  }
}

void read_content(const json& object, std::string_view name, Message& out) {
  const json* content = find_field(object, name);
  if (!content) return;
  if (content->is_string()) {
    out.content = content->get<std::string>();
    return;
  }
  out.content = "";
  for (const json& part : *content) {
    out.parts.push_back({.type = "text", .text = part["text"].get<std::string>()});
  }
}

}  // namespace hearth
