// JSON of replies as text. Whatever bytes a text holds, it can be sent: what is not UTF-8 becomes
// U+FFFD. Pure functions; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

namespace hearth {

std::string to_text(const nlohmann::ordered_json& json);
std::string json_string(std::string_view text);  // a JSON string
// The shortest digits that read back as this float: 0.1, where the double it equals has 17.
std::string number_text(float value);
// The double of those digits.
double shortest_double(float value);
// "[0.25,-1]"; what is not finite is null.
std::string number_array(std::span<const float> values);

}  // namespace hearth
