// Sampler: from the logits of one position to the next token of one Sequence.
//
// The chain, in llama.cpp's order: logit bias, penalties, top-k, typical, top-p, min-p,
// temperature, draw. Each filter renormalizes what the one before left, and leaves at least one
// token. Temperature 0 takes the likeliest after bias and penalties. Equal logits rank by id,
// lowest first, everywhere.
//
// The draw is a function of the seed and of the position (how many tokens stand before), nothing
// else: preemption, batching and replay give the same token for the same logits. A Sampler owns
// scratch and belongs to one thread at a time; its scratch holds no state between calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/elementwise/elementwise.h"
#include "text/tokenizer.h"

namespace hearth {

// Defaults are llama.cpp's (Ollama's top_p is 0.9). Ranges are those of validate().
struct SamplingOptions {
  float temperature = 0.8f;  // 0 … 100; 0: greedy
  int top_k = 40;            // ≥ -1; the k likeliest; 0 and -1: all
  float top_p = 0.95f;       // 0 … 1; the likeliest whose probabilities reach p; 1: all
  float min_p = 0.05f;       // 0 … 1; at least min_p times the likeliest's probability; 0: all
  float typical_p = 1.0f;    // 0 … 1; locally typical sampling (Meister et al. 2022); 1: off
  // 0.01 … 100; divides the positive logits of recent tokens, multiplies the others; 1: off.
  float repeat_penalty = 1.0f;
  float presence_penalty = 0.0f;   // -100 … 100; subtracted once from recent tokens
  float frequency_penalty = 0.0f;  // -100 … 100; subtracted once per occurrence
  int repeat_last_n = 64;          // ≥ -1; how many tokens are recent; 0: none, -1: all
  // Added; -1e6 … 1e6, or -infinity to ban; ids ≥ 0, entries of one id add up.
  std::vector<std::pair<TokenId, float>> logit_bias;
  std::uint64_t seed = 0;
};

inline constexpr std::size_t kLogitBiasMax = 65536;  // entries

// Throws Error kInvalidArgument that names the field, what it is and what it may be.
void validate(const SamplingOptions& options);

class Sampler {
 public:
  Sampler(SamplingOptions options, Isa isa);  // validates

  // `logits` [vocabulary]; `history`: every token of the Sequence so far, the prompt's too. Throws
  // Error kInternal for a logit that is NaN or +infinity, kInvalidArgument for a bias on an id
  // outside the vocabulary, or if every token is banned.
  TokenId sample(std::span<const float> logits, std::span<const TokenId> history);

 private:
  struct Candidate {
    TokenId id;
    float logit;
    double weight;  // exp(logit - the largest), or in draw() with temperature
  };

  void scan(std::span<const float> logits, std::size_t position);
  void adjust(std::span<const float> logits, std::span<const TokenId> history);
  void penalize(std::span<const float> logits, std::span<const TokenId> history);
  bool adjusted(TokenId id) const;
  void take_top(std::span<const float> logits, std::size_t count);
  void take_at_least(std::span<const float> logits, float threshold);
  void take_candidates(std::span<const float> logits);
  void take_top_p(std::span<const float> logits);
  bool filters() const;
  template <class Visit>
  void each_logit(std::span<const float> logits, Visit visit) const;
  void rank();
  double weigh(float temperature);
  void keep_typical();
  void keep_weight(double wanted);
  void keep_top_p();
  void keep_min_p();
  TokenId draw(std::size_t position);
  TokenId draw_from_all(std::span<const float> logits, std::size_t position) const;

  SamplingOptions options_;
  const ElementwiseKernel& kernel_;    // maxima are the same on every instruction set
  std::vector<float> block_max_;       // of the raw logits, per kMaxBlock
  std::vector<float> largest_blocks_;  // scratch of take_top
  std::vector<Candidate> adjusted_;    // tokens whose logit is not the raw one, ids ascending
  std::vector<Candidate> candidates_;  // ranked: logit descending, id ascending
};

}  // namespace hearth
