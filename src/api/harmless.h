// Values that ask for nothing, of fields that are not served yet: frameworks send them whether one
// asked or not. Pure; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace hearth {

bool is_empty_or_false(const nlohmann::json& value);    // [], {}, "", false
bool is_text(const nlohmann::json& value);              // "text"
bool is_text_alone(const nlohmann::json& value);        // ["text"], {"type": "text"}
bool is_function(const nlohmann::json& value);          // "function"
bool is_no_tool_forced(const nlohmann::json& value);    // "none", "auto", {"type": either}
bool is_disabled(const nlohmann::json& value);          // {"type": "disabled"}
bool is_no_effort(const nlohmann::json& value);         // "none"
bool is_medium(const nlohmann::json& value);            // "medium"
bool is_ordinary_service(const nlohmann::json& value);  // "auto", "default", "standard…"

}  // namespace hearth
