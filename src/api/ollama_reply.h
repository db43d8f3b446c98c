// What several of Ollama's replies have in common. Internal to the room. Pure; any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "api/call.h"
#include "api/model_entry.h"
#include "api/reply_json.h"

namespace hearth {

// A whole number of nanoseconds, as all of Ollama's durations are.
std::int64_t nanoseconds(double seconds) noexcept;
// Appends Hearth's own fields: context_limit, and what was cached and dropped.
void add_token_budget(const TokenUsage& usage, nlohmann::ordered_json& reply);

nlohmann::ordered_json details_json(const ModelEntry& model);

}  // namespace hearth
