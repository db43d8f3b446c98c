// Perplexity: exp of the mean negative log-likelihood a model gives to a text, in windows.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "engine/engine.h"

namespace hearth {

struct Perplexity {
  std::size_t tokens = 0;  // judged: every token after the first of each window
  double nll_mean = 0;     // nats
  double nll_error = 0;    // standard error of the mean
  double perplexity = 0;
  double perplexity_error = 0;
};

// Cuts `tokens` into windows of `window` (the last, shorter one is left out), each read from an
// empty context. on_window is called after each with its number from 1. Errors: kInvalidArgument
// when there is no whole window.
Perplexity perplexity(Engine& engine, std::span<const TokenId> tokens, std::size_t window,
                      const std::function<void(std::size_t done, std::size_t all)>& on_window);

// -log softmax(logits)[token], summed in double.
double negative_log_likelihood(std::span<const float> logits, TokenId token);

}  // namespace hearth
