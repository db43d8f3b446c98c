#include "api/ollama_reply.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace hearth {

using nlohmann::ordered_json;

std::int64_t nanoseconds(double seconds) noexcept {
  constexpr double kMax = 9.2e18;  // below 2^63 - 1
  const double value = seconds * 1e9;
  return value > 0 ? std::llround(std::fmin(value, kMax)) : 0;
}

void add_token_budget(const TokenUsage& usage, ordered_json& reply) {
  reply["context_limit"] = usage.context_limit;
  reply["cached_tokens"] = usage.cached_tokens;
  if (usage.dropped_tokens > 0) reply["dropped_tokens"] = usage.dropped_tokens;
}

ordered_json details_json(const ModelEntry& model) {
  return {{"parent_model", ""},
          {"format", "gguf"},
          {"family", model.family},
          {"families", ordered_json::array({model.family})},
          {"parameter_size", model.parameter_size},
          {"quantization_level", model.quantization_level},
          {"context_length", model.context_length},
          {"embedding_length", model.embedding_length}};
}

}  // namespace hearth
