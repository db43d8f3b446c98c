#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/check.h"
#include "base/error.h"
#include "base/random.h"

namespace hearth {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kBiasMax = 1e6f;
constexpr std::size_t kBuckets = 2048;
constexpr float kBucketsPerUnit =
    64.0f;  // 2048 / 64: e^-32 below the largest, what is left counts no more

[[noreturn]] void refuse(const char* field, const std::string& got, const char* wanted) {
  throw Error(ErrorCode::kInvalidArgument,
              std::string(field) + " is " + got + "; it must be " + wanted);
}

void check_range(const char* field, float value, float low, float high, const char* wanted) {
  if (!(value >= low && value <= high)) refuse(field, std::to_string(value), wanted);
}

[[noreturn]] void report_unsound(std::span<const float> logits, std::size_t position) {
  std::size_t id = 0;
  while (logits[id] < kInfinity) ++id;
  throw Error(
      ErrorCode::kInternal,
      "the model's logits at position " + std::to_string(position) + " hold " +
          std::to_string(logits[id]) + " (token " + std::to_string(id) +
          "): the weights or the cache are damaged, or a computation overflowed; try the file with "
          "--isa reference, then report it");
}

// Uniform in [0, 1), of the seed and the position only. The seed is hashed first, so that
// neighbouring seeds do not walk the same sequence one step apart; the multiplier is SplitMix64's
// second, any odd number would do.
double uniform_at(std::uint64_t seed, std::size_t position) {
  return Random(Random(seed).next() + position * 0xbf58476d1ce4e5b9u).uniform();
}

}  // namespace

void validate(const SamplingOptions& options) {
  check_range("temperature", options.temperature, 0.0f, 100.0f, "0 to 100");
  if (options.top_k < -1)
    refuse("top_k", std::to_string(options.top_k), "-1 or more (0 and -1: all)");
  check_range("top_p", options.top_p, 0.0f, 1.0f, "0 to 1");
  check_range("min_p", options.min_p, 0.0f, 1.0f, "0 to 1");
  check_range("typical_p", options.typical_p, 0.0f, 1.0f, "0 to 1");
  check_range("repeat_penalty", options.repeat_penalty, 0.01f, 100.0f, "0.01 to 100");
  check_range("presence_penalty", options.presence_penalty, -100.0f, 100.0f, "-100 to 100");
  check_range("frequency_penalty", options.frequency_penalty, -100.0f, 100.0f, "-100 to 100");
  if (options.repeat_last_n < -1) {
    refuse("repeat_last_n", std::to_string(options.repeat_last_n), "-1 or more (0: none, -1: all)");
  }
  if (options.logit_bias.size() > kLogitBiasMax) {
    refuse("logit_bias", std::to_string(options.logit_bias.size()) + " entries long",
           "at most 65536 entries");
  }
  for (const auto& [id, bias] : options.logit_bias) {
    if (id < 0) refuse("logit_bias", "on token " + std::to_string(id), "on token ids of 0 or more");
    if (bias != -kInfinity && !(std::fabs(bias) <= kBiasMax)) {
      refuse("logit_bias", std::to_string(bias), "-1e6 to 1e6, or -infinity to ban a token");
    }
  }
}

Sampler::Sampler(SamplingOptions options, Isa isa)
    : options_(std::move(options)), kernel_(select_elementwise(isa)) {
  validate(options_);
  std::sort(options_.logit_bias.begin(), options_.logit_bias.end());
}

TokenId Sampler::sample(std::span<const float> logits, std::span<const TokenId> history) {
  CHECK(!logits.empty());
  scan(logits, history.size());
  adjust(logits, history);
  const bool greedy = options_.temperature == 0.0f, whole = !greedy && !filters();
  if (greedy || whole) {
    take_top(logits, 1);
  } else {
    take_candidates(logits);
  }
  if (candidates_.empty()) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "every token is banned at position " + std::to_string(history.size()) +
            ": logit_bias or the grammar leaves nothing to choose from; allow at least one token");
  }
  if (greedy) return candidates_.front().id;
  return whole ? draw_from_all(logits, history.size()) : draw(history.size());
}

void Sampler::scan(std::span<const float> logits, std::size_t position) {
  block_max_.resize((logits.size() + kMaxBlock - 1) / kMaxBlock);
  kernel_.block_max(logits.data(), logits.size(), block_max_.data());
  const bool sound = std::all_of(block_max_.begin(), block_max_.end(),
                                 [](float largest) { return largest < kInfinity; });
  if (!sound) report_unsound(logits, position);
}

// Fills adjusted_: first every token that bias or penalties may touch, then their new logits.
void Sampler::adjust(std::span<const float> logits, std::span<const TokenId> history) {
  adjusted_.clear();
  for (const auto& [id, bias] : options_.logit_bias) {
    if (static_cast<std::size_t>(id) >= logits.size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "logit_bias names token " + std::to_string(id) + "; the model has " +
                      std::to_string(logits.size()) + " tokens, 0 to " +
                      std::to_string(logits.size() - 1));
    }
    if (adjusted_.empty() || adjusted_.back().id != id) {
      adjusted_.push_back({id, logits[static_cast<std::size_t>(id)], 0.0});
    }
    adjusted_.back().logit = std::min(adjusted_.back().logit + bias, kLargest);
  }
  penalize(logits, history);
}

void Sampler::penalize(std::span<const float> logits, std::span<const TokenId> history) {
  const bool off = options_.repeat_penalty == 1.0f && options_.presence_penalty == 0.0f &&
                   options_.frequency_penalty == 0.0f;
  if (off || options_.repeat_last_n == 0) return;
  const std::size_t recent =
      options_.repeat_last_n < 0
          ? history.size()
          : std::min(history.size(), static_cast<std::size_t>(options_.repeat_last_n));
  std::vector<TokenId> ids(history.end() - static_cast<std::ptrdiff_t>(recent), history.end());
  std::sort(ids.begin(), ids.end());
  const std::size_t biased = adjusted_.size();
  const auto by_id = [](const Candidate& a, const Candidate& b) { return a.id < b.id; };
  for (std::size_t i = 0; i < ids.size();) {
    std::size_t end = i;
    while (end < ids.size() && ids[end] == ids[i]) ++end;
    CHECK(ids[i] >= 0 && static_cast<std::size_t>(ids[i]) < logits.size());
    Candidate token{ids[i], logits[static_cast<std::size_t>(ids[i])], 0.0};
    const auto bias_end = adjusted_.begin() + static_cast<std::ptrdiff_t>(biased);
    const auto known = std::lower_bound(adjusted_.begin(), bias_end, token, by_id);
    const bool is_biased = known != bias_end && known->id == token.id;
    float logit = is_biased ? known->logit : token.logit;
    logit = logit <= 0.0f ? logit * options_.repeat_penalty : logit / options_.repeat_penalty;
    logit -= static_cast<float>(end - i) * options_.frequency_penalty + options_.presence_penalty;
    token.logit = std::min(logit, kLargest);
    if (is_biased) {
      known->logit = token.logit;
    } else {
      adjusted_.push_back(token);
    }
    i = end;
  }
  std::sort(adjusted_.begin(), adjusted_.end(), by_id);
}

bool Sampler::adjusted(TokenId id) const {
  return std::binary_search(adjusted_.begin(), adjusted_.end(), Candidate{id, 0.0f, 0.0},
                            [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
}

void Sampler::rank() {
  std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  });
}

// Every token whose logit is ≥ threshold and not -infinity, ranked.
void Sampler::take_at_least(std::span<const float> logits, float threshold) {
  candidates_.clear();
  for (std::size_t block = 0; block < block_max_.size(); ++block) {
    if (!(block_max_[block] >= threshold)) continue;
    const std::size_t end = std::min(logits.size(), (block + 1) * kMaxBlock);
    for (std::size_t i = block * kMaxBlock; i < end; ++i) {
      const auto id = static_cast<TokenId>(i);
      if (logits[i] >= threshold && logits[i] > -kInfinity && !adjusted(id)) {
        candidates_.push_back({id, logits[i], 0.0});
      }
    }
  }
  for (const Candidate& token : adjusted_) {
    if (token.logit >= threshold && token.logit > -kInfinity) candidates_.push_back(token);
  }
  rank();
}

// The `count` likeliest. Among the raw logits, count + adjusted_.size() or more are at least as
// large as that many blocks' maxima; less the adjusted ones, count remain, and nothing below them
// can be among the likeliest.
void Sampler::take_top(std::span<const float> logits, std::size_t count) {
  const std::size_t needed = count + adjusted_.size();
  if (needed >= block_max_.size()) {
    take_at_least(logits, -kInfinity);
  } else {
    largest_blocks_ = block_max_;
    const auto nth = largest_blocks_.begin() + static_cast<std::ptrdiff_t>(needed - 1);
    std::nth_element(largest_blocks_.begin(), nth, largest_blocks_.end(), std::greater<>());
    take_at_least(logits, *nth);
  }
  if (candidates_.size() > count) candidates_.resize(count);
}

// Calls visit(id, logit) for the whole vocabulary, ids ascending, until it returns false.
template <class Visit>
void Sampler::each_logit(std::span<const float> logits, Visit visit) const {
  std::size_t i = 0;
  for (const Candidate& token : adjusted_) {
    for (; i < static_cast<std::size_t>(token.id); ++i) {
      if (!visit(static_cast<TokenId>(i), logits[i])) return;
    }
    if (!visit(token.id, token.logit)) return;
    ++i;
  }
  for (; i < logits.size(); ++i) {
    if (!visit(static_cast<TokenId>(i), logits[i])) return;
  }
}

// top-p over the whole vocabulary, ranking only what it keeps: probabilities are gathered in
// buckets by how far the logit is below the largest, and the buckets that reach p bound the tokens
// that can.
void Sampler::take_top_p(std::span<const float> logits) {
  take_top(logits, 1);
  if (candidates_.empty()) return;
  const float top = candidates_.front().logit;
  struct Bucket {
    double weight = 0.0;
    float least = kInfinity;
  };
  std::vector<Bucket> buckets(kBuckets);
  double total = 0.0;
  each_logit(logits, [&](TokenId, float logit) {
    const float below = (top - logit) * kBucketsPerUnit;
    Bucket& bucket = buckets[below < kBuckets - 1 ? static_cast<std::size_t>(below) : kBuckets - 1];
    const auto weight = static_cast<double>(std::exp(logit - top));
    bucket.weight += weight;
    bucket.least = std::min(bucket.least, logit);
    total += weight;
    return true;
  });
  const double wanted = static_cast<double>(options_.top_p) * total;
  float least = top;
  double sum = 0.0;
  for (std::size_t i = 0; i < kBuckets && sum <= wanted; ++i) {
    sum += buckets[i].weight;
    least = std::min(least, buckets[i].least);
  }
  take_at_least(logits, least);
  keep_weight(wanted);
}

// The likeliest whose weights reach `wanted`.
void Sampler::keep_weight(double wanted) {
  weigh(1.0f);
  double sum = 0.0;
  std::size_t kept = 0;
  while (kept < candidates_.size() && (kept == 0 || sum < wanted))
    sum += candidates_[kept++].weight;
  candidates_.resize(kept);
}

void Sampler::take_candidates(std::span<const float> logits) {
  const bool top_k = options_.top_k > 0, typical = options_.typical_p < 1.0f;
  if (!top_k && !typical && options_.top_p < 1.0f) {
    take_top_p(logits);
    keep_min_p();
    return;
  }
  if (top_k) {
    take_top(logits, static_cast<std::size_t>(options_.top_k));
  } else if (!typical && options_.min_p > 0.0f) {
    take_top(logits, 1);
    if (!candidates_.empty())
      take_at_least(logits, candidates_.front().logit + std::log(options_.min_p));
  } else {
    take_at_least(logits, -kInfinity);
  }
  if (typical) keep_typical();
  if (options_.top_p < 1.0f) keep_top_p();
  keep_min_p();
}

// weight = exp((logit - the largest) / temperature); returns their sum.
double Sampler::weigh(float temperature) {
  double total = 0.0;
  for (Candidate& token : candidates_) {
    token.weight =
        std::exp((static_cast<double>(token.logit) - candidates_.front().logit) / temperature);
    total += token.weight;
  }
  return total;
}

// Keeps the tokens whose surprise -log p is nearest to the entropy, until their probabilities
// exceed typical_p.
void Sampler::keep_typical() {
  const double total = weigh(1.0f);
  double entropy = 0.0;
  const auto surprise = [&](const Candidate& token) {
    return std::log(total) - (static_cast<double>(token.logit) - candidates_.front().logit);
  };
  for (const Candidate& token : candidates_) entropy += token.weight / total * surprise(token);
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    order.emplace_back(std::fabs(surprise(candidates_[i]) - entropy), i);
  }
  std::sort(order.begin(), order.end());
  std::vector<Candidate> kept;
  double sum = 0.0;
  for (const auto& [distance, i] : order) {
    kept.push_back(candidates_[i]);
    sum += candidates_[i].weight / total;
    if (sum > static_cast<double>(options_.typical_p)) break;
  }
  candidates_ = std::move(kept);
  rank();
}

void Sampler::keep_top_p() { keep_weight(static_cast<double>(options_.top_p) * weigh(1.0f)); }

void Sampler::keep_min_p() {
  if (candidates_.empty() || options_.min_p <= 0.0f) return;
  const float least = candidates_.front().logit + std::log(options_.min_p);
  std::size_t kept = 1;
  while (kept < candidates_.size() && candidates_[kept].logit >= least) ++kept;
  candidates_.resize(kept);
}

bool Sampler::filters() const {
  return options_.top_k > 0 || options_.typical_p < 1.0f || options_.top_p < 1.0f ||
         options_.min_p > 0.0f;
}

// With no filter, without ranking: the likeliest is candidates_.front(), the others are met in
// order of id.
TokenId Sampler::draw_from_all(std::span<const float> logits, std::size_t position) const {
  const Candidate& top = candidates_.front();
  const auto weight = [&](float logit) {
    return static_cast<double>(std::exp((logit - top.logit) / options_.temperature));
  };
  double total = 0.0, sum = 0.0;
  each_logit(logits, [&](TokenId, float logit) {
    total += weight(logit);
    return true;
  });
  const double target = uniform_at(options_.seed, position) * total;
  TokenId chosen = top.id;  // if target meets the total by rounding
  each_logit(logits, [&](TokenId id, float logit) {
    sum += weight(logit);
    if (target < sum) chosen = id;
    return target >= sum;
  });
  return chosen;
}

TokenId Sampler::draw(std::size_t position) {
  const double target = uniform_at(options_.seed, position) * weigh(options_.temperature);
  double sum = 0.0;
  for (const Candidate& token : candidates_) {
    sum += token.weight;
    if (target < sum) return token.id;
  }
  return candidates_.front().id;  // target met the total by rounding
}

}  // namespace hearth
