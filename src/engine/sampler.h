#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "text/tokenizer.h"
namespace hearth {
struct SamplingOptions {
  float temperature = 0.8f;
  int top_k = 40;
  float top_p = 0.95f;
  float min_p = 0.05f;
  float typical_p = 1;
  float repeat_penalty = 1;
  float presence_penalty = 0;
  float frequency_penalty = 0;
  int repeat_last_n = 64;
  std::vector<std::pair<TokenId, float>> logit_bias;
  std::uint64_t seed = 0;
};
inline void validate(const SamplingOptions&) {}
class Sampler {
 public:
  explicit Sampler(SamplingOptions) {}
  TokenId sample(std::span<const float> logits, std::span<const TokenId>) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < logits.size(); ++i)
      if (logits[i] > logits[best]) best = i;
    return static_cast<TokenId>(best);
  }
};
}  // namespace hearth
