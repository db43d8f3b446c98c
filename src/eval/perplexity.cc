#include "eval/perplexity.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace hearth {

double negative_log_likelihood(std::span<const float> logits, TokenId token) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return std::log(sum) + largest - logits[static_cast<std::size_t>(token)];
}

Perplexity perplexity(Engine& engine, std::span<const TokenId> tokens, std::size_t window,
                      const std::function<void(std::size_t, std::size_t)>& on_window) {
  if (window < 2 || tokens.size() < window) {
    throw Error(ErrorCode::kInvalidArgument,
                "the text has " + std::to_string(tokens.size()) + " tokens and a window takes " +
                    std::to_string(window) +
                    " (at least 2); give a longer text or a smaller --ctx");
  }
  const std::size_t windows = tokens.size() / window;
  Perplexity result;
  double sum = 0;
  double squares = 0;
  for (std::size_t w = 0; w < windows; ++w) {
    const auto text = tokens.subspan(w * window, window);
    Request request;
    request.prompt.assign(text.begin(), text.end());
    request.max_tokens = 0;
    request.reuse_prefix = false;
    request.on_logits = [&](std::size_t position, std::span<const float> logits) {
      if (position + 1 == window) return;
      const double nll = negative_log_likelihood(logits, text[position + 1]);
      sum += nll;
      squares += nll * nll;
      ++result.tokens;
    };
    engine.submit(std::move(request));
    engine.run();
    if (on_window) on_window(w + 1, windows);
  }
  const auto n = static_cast<double>(result.tokens);
  result.nll_mean = sum / n;
  const double variance = std::max(0.0, squares / n - result.nll_mean * result.nll_mean);
  result.nll_error = std::sqrt(variance / std::max(1.0, n - 1));
  result.perplexity = std::exp(result.nll_mean);
  result.perplexity_error = result.perplexity * result.nll_error;
  return result;
}

}  // namespace hearth
