// JSON to template values. Strings are not copied: the JSON outlives the render.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "text/template/run.h"

namespace hearth::jinja {

// `from_user` marks every string in it, keys too, as a user's words.
Value from_json_value(Run& run, const nlohmann::ordered_json& json, bool from_user, int depth = 0);

}  // namespace hearth::jinja
