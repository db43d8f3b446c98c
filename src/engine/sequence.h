// Request: one call. Sequence: one generation in progress, its tokens and its blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "base/priority.h"
#include "engine/block_manager.h"
#include "engine/sampler.h"

namespace hearth {

using SequenceId = std::uint64_t;

enum class FinishReason {
  kStop,       // the model ended it, or the caller's on_token did
  kLength,     // max_tokens
  kCancelled,  // the token of the request was cancelled
};

// Of the model's distribution, before penalties, temperature and filters; natural logarithms.
struct TokenLogprobs {
  float logprob = 0;                           // of the token that was chosen
  std::vector<std::pair<TokenId, float>> top;  // the likeliest, as many as asked for
};

struct Request {
  std::vector<TokenId> prompt;  // at least one token
  // Who asks. Tenants take turns, by the tokens they were served; and none finds another's blocks.
  std::string tenant = {};
  Priority priority = Priority::kNormal;  // of the tenant, from this request on
  SamplingOptions sampling;
  std::size_t max_tokens = SIZE_MAX;  // 0: the prompt is computed and nothing is sampled
  // Called once, before anything else: so many tokens of the prompt were found in the cache.
  std::function<void(std::size_t tokens)> on_cached;
  // Called after each step that computed some of the prompt: so much of it is in the cache now.
  std::function<void(std::size_t positions)> on_prompt;
  // When set, called before on_token, with so many likeliest.
  std::function<void(const TokenLogprobs&)> on_logprobs;
  std::size_t top_logprobs = 0;
  // Called for each new token; false stops the sequence after it.
  std::function<bool(TokenId)> on_token;
  // When set, called with the logits of each position that is computed, once each, ascending.
  // Positions found in the cache are not computed: without reuse_prefix, all are.
  std::function<void(std::size_t position, std::span<const float>)> on_logits;
  // When set, called with the hidden state of each position that is computed, after the last norm,
  // [d]; ascending, once each. Such a request samples nothing (max_tokens 0).
  std::function<void(std::size_t position, std::span<const float>)> on_hidden;
  std::function<void(FinishReason)> on_finish;
  // Instead of on_finish, when computing or sampling it failed; without it, step() throws.
  std::function<void(const Error&)> on_error;
  const CancelToken* cancel = nullptr;
  bool reuse_prefix = true;
};

struct Sequence {
  Sequence(SequenceId sequence_id, Request call, std::size_t groups, Isa isa)
      : id(sequence_id),
        request(std::move(call)),
        sampler(request.sampling, isa),
        tokens(std::move(request.prompt)),
        prompt_tokens(tokens.size()),
        blocks(groups),
        released(groups, 0) {}

  std::size_t generated() const noexcept { return tokens.size() - prompt_tokens; }
  // Positions it must be able to hold to go on: its tokens, and the one it is about to choose.
  std::size_t needed_positions() const noexcept {
    return tokens.size() + (request.max_tokens > 0 ? 1 : 0);
  }

  SequenceId id;
  Request request;  // its prompt has moved to tokens
  Sampler sampler;
  std::vector<TokenId> tokens;  // prompt, then what was generated
  std::size_t prompt_tokens;
  std::size_t computed = 0;  // positions whose keys and values are in the cache
  std::size_t lacking = 0;   // the first full block that was not found when it last waited
  std::size_t charged = 0;   // positions that count as served to its tenant
  std::size_t reported = 0;  // positions whose logits on_logits, or states on_hidden, has had
  std::optional<std::size_t> cached;  // positions found in the cache when it was first admitted
  std::vector<std::vector<BlockId>> blocks;  // by cache group: block of positions 0, 32, 64, …
  std::vector<std::size_t> released;  // by cache group: leading blocks given back (window passed)
  std::vector<BlockHash> hashes;      // of the full blocks, as far as they were wanted yet
  std::size_t published = 0;          // leading blocks that are findable
};

}  // namespace hearth
