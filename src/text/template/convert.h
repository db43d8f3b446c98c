// JSON to template values.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "text/template/run.h"

namespace hearth::jinja {

// Of the strings in a JSON value, keys too.
struct JsonText {
  bool from_user = false;  // they are a user's words
  bool copied = false;     // the JSON does not outlive the render
};
Value from_json_value(Run& run, const nlohmann::ordered_json& json, JsonText how, int depth = 0);

}  // namespace hearth::jinja
