#include "engine/logprobs.h"

#include <algorithm>
#include <cmath>

namespace hearth {

TokenLogprobs token_logprobs(std::span<const float> logits, TokenId chosen, std::size_t top) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit - largest));
  const double whole = largest + std::log(sum);
  const auto logprob = [&](TokenId id) {
    return static_cast<float>(logits[static_cast<std::size_t>(id)] - whole);
  };
  TokenLogprobs result{.logprob = logprob(chosen), .top = {}};
  std::vector<TokenId> ids(logits.size());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>(i);
  const auto end = ids.begin() + static_cast<std::ptrdiff_t>(std::min(top, ids.size()));
  std::partial_sort(ids.begin(), end, ids.end(), [&](TokenId a, TokenId b) {
    const float of_a = logits[static_cast<std::size_t>(a)];
    const float of_b = logits[static_cast<std::size_t>(b)];
    return of_a != of_b ? of_a > of_b : a < b;
  });
  for (auto id = ids.begin(); id != end; ++id) result.top.emplace_back(*id, logprob(*id));
  return result;
}

}  // namespace hearth
