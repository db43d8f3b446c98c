// Reads JSON text that a stranger wrote, within bounds. Pure; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

namespace hearth {

// Tool schemas nest below 20; who walks the tree recurses this deep.
inline constexpr int kJsonDepthMax = 64;
// In one object: the reader looks through all of them for each it adds, 2 us at this many.
inline constexpr int kJsonMembersMax = 1000;

// Nothing if the text goes beyond the bounds; `discarded` if it is not JSON.
std::optional<nlohmann::ordered_json> read_json(std::string_view text);

}  // namespace hearth
