// Probabilities of the model's own distribution, from the logits of one position.
#pragma once

#include <cstddef>
#include <span>

#include "engine/sequence.h"

namespace hearth {

// logits [vocabulary]; `top` likeliest beside the chosen one, at most all; equal logits rank by id.
// Natural logarithms, summed in double, ascending by id.
TokenLogprobs token_logprobs(std::span<const float> logits, TokenId chosen, std::size_t top);

}  // namespace hearth
