// Sampler: each filter on cases worked by hand, distributions against a plain double computation of
// the chain by chi-square, large vocabularies against a full sort, bounds, and draws that depend on
// seed and position only.
#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "base/error.h"
#include "base/random.h"

namespace hearth {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Everything off: temperature 1 over the whole vocabulary.
SamplingOptions plain() {
  SamplingOptions options;
  options.temperature = 1.0f;
  options.top_k = 0;
  options.top_p = 1.0f;
  options.min_p = 0.0f;
  return options;
}

std::vector<TokenId> positions(std::size_t n) { return std::vector<TokenId>(n, 0); }

std::map<TokenId, int> draw_many(const SamplingOptions& options, const std::vector<float>& logits,
                                 int draws) {
  Sampler sampler(options, best_isa());
  std::vector<TokenId> history;
  std::map<TokenId, int> counts;
  for (int i = 0; i < draws; ++i) {
    ++counts[sampler.sample(logits, history)];
    history.push_back(0);
  }
  return counts;
}

std::set<TokenId> support(const SamplingOptions& options, const std::vector<float>& logits) {
  std::set<TokenId> ids;
  for (const auto& [id, count] : draw_many(options, logits, 3000)) ids.insert(id);
  return ids;
}

std::vector<float> logs(std::initializer_list<double> probabilities) {
  std::vector<float> out;
  for (const double p : probabilities) out.push_back(static_cast<float>(std::log(p)));
  return out;
}

struct Token {
  TokenId id;
  double logit, p;
};

void normalize(std::vector<Token>& tokens, double temperature) {
  double total = 0;
  for (Token& token : tokens)
    total += token.p = std::exp((token.logit - tokens[0].logit) / temperature);
  for (Token& token : tokens) token.p /= total;
}

void by_logit(std::vector<Token>& tokens) {
  std::sort(tokens.begin(), tokens.end(), [](const Token& a, const Token& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  });
}

// Keeps a prefix whose probability reaches (or, for typical, exceeds) `p`.
void keep_mass(std::vector<Token>& tokens, double p, bool exceed) {
  double sum = 0;
  std::size_t n = 0;
  while (n < tokens.size() && (n == 0 || (exceed ? sum <= p : sum < p))) sum += tokens[n++].p;
  tokens.resize(n);
}

void keep_typical(std::vector<Token>& tokens, double p) {
  double entropy = 0;
  for (const Token& token : tokens) entropy -= token.p * std::log(token.p);
  const auto distance = [&](const Token& token) { return std::fabs(-std::log(token.p) - entropy); };
  std::sort(tokens.begin(), tokens.end(), [&](const Token& a, const Token& b) {
    return distance(a) != distance(b) ? distance(a) < distance(b) : a.id < b.id;
  });
  keep_mass(tokens, p, true);
  by_logit(tokens);
}

// The chain without bias and penalties, in the plainest way: sort everything, one filter after
// another.
std::vector<Token> chain(const SamplingOptions& options, const std::vector<float>& logits) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < logits.size(); ++i)
    tokens.push_back({static_cast<TokenId>(i), logits[i], 0});
  by_logit(tokens);
  if (options.top_k > 0 && static_cast<std::size_t>(options.top_k) < tokens.size()) {
    tokens.resize(static_cast<std::size_t>(options.top_k));
  }
  normalize(tokens, 1);
  if (options.typical_p < 1) keep_typical(tokens, options.typical_p);
  normalize(tokens, 1);
  if (options.top_p < 1) keep_mass(tokens, options.top_p, false);
  while (options.min_p > 0 && tokens.back().logit < tokens[0].logit + std::log(options.min_p))
    tokens.pop_back();
  normalize(tokens, options.temperature);
  return tokens;
}

// Pearson's statistic stays under dof + 6 standard deviations, and nothing outside the support is
// drawn.
void expect_distribution(const SamplingOptions& options, const std::vector<float>& logits,
                         int draws, const std::string& what) {
  std::map<TokenId, int> counts = draw_many(options, logits, draws);
  double statistic = 0, pooled_want = 0, pooled_got = 0, cells = 0;
  const auto add = [&](double got, double want) {
    statistic += (got - want) * (got - want) / want;
    cells += 1;
  };
  for (const Token& token : chain(options, logits)) {
    const double want = token.p * draws, got = counts[token.id];
    counts.erase(token.id);
    if (want >= 5) {
      add(got, want);
    } else {
      pooled_want += want;
      pooled_got += got;
    }
  }
  if (pooled_want >= 5) add(pooled_got, pooled_want);
  int outside = 0;
  for (const auto& [id, count] : counts) outside += count;
  EXPECT_EQ(outside, 0) << what;
  EXPECT_LE(statistic, cells + 6 * std::sqrt(2 * cells)) << what << ", cells " << cells;
}

std::vector<float> random_logits(std::size_t n, std::uint64_t seed, double spread) {
  Random random(seed);
  std::vector<float> logits(n);
  for (float& x : logits) x = static_cast<float>(random.uniform() * spread);
  return logits;
}

TEST(Sampler, GreedyTakesTheLargestAndTheLowestIdAmongEquals) {
  SamplingOptions options;
  options.temperature = 0;
  Sampler sampler(options, best_isa());
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 3, 3, 2}, {}), 1);
  for (const std::size_t n : {1, 63, 64, 65, 1000, 262144}) {
    std::vector<float> logits = random_logits(n, n, 1.0);
    for (const std::size_t at : {n - 1, n / 2, std::size_t{0}}) {
      logits[at] = 2.0f;
      EXPECT_EQ(sampler.sample(logits, {}), static_cast<TokenId>(at)) << n;
    }
  }
}

TEST(Sampler, DistributionsFollowTheChain) {
  const std::vector<float> logits = random_logits(300, 7, 8.0);
  for (int mask = 0; mask < 32; ++mask) {
    SamplingOptions options = plain();
    options.seed = static_cast<std::uint64_t>(mask);
    if (mask & 1) options.top_k = 40;
    if (mask & 2) options.typical_p = 0.8f;
    if (mask & 4) options.top_p = 0.9f;
    if (mask & 8) options.min_p = 0.05f;
    if (mask & 16) options.temperature = 1.7f;
    expect_distribution(options, logits, 4000, "mask " + std::to_string(mask));
  }
}

// Many equal logits on both sides of the cut, in a vocabulary whose blocks are mostly skipped.
TEST(Sampler, TopKOfALargeVocabularyIsThatOfAFullSort) {
  Random random(5);
  for (const int k : {1, 2, 17, 40, 300}) {
    std::vector<float> logits(5000);
    for (float& x : logits) x = static_cast<float>(random.next() % 500) * 0.01f;
    SamplingOptions options = plain();
    options.top_k = k;
    options.temperature = 100.0f;
    expect_distribution(options, logits, 1500, "k " + std::to_string(k));
  }
}

TEST(Sampler, TopPAndMinPOfALargeVocabularyAreThoseOfAFullSort) {
  const std::vector<float> logits = random_logits(5000, 11, 14.0);
  for (const float p : {0.0f, 0.1f, 0.5f, 0.95f}) {
    SamplingOptions options = plain();
    options.top_p = p;
    expect_distribution(options, logits, 2000, "top_p " + std::to_string(p));
    options = plain();
    options.min_p = p;
    expect_distribution(options, logits, 2000, "min_p " + std::to_string(p));
  }
}

TEST(Sampler, FiltersByHand) {
  const std::vector<float> logits = logs({0.1, 0.4, 0.3, 0.15, 0.05});
  using Ids = std::set<TokenId>;
  SamplingOptions options = plain();
  EXPECT_EQ(support(options, logits), (Ids{0, 1, 2, 3, 4}));
  options.top_k = 2;
  EXPECT_EQ(support(options, logits), (Ids{1, 2}));
  options.top_k = -1;
  EXPECT_EQ(support(options, logits), (Ids{0, 1, 2, 3, 4}));
  options = plain();
  options.top_p = 0.75f;  // 0.4 + 0.3 < 0.75 ≤ 0.4 + 0.3 + 0.15
  EXPECT_EQ(support(options, logits), (Ids{1, 2, 3}));
  options.top_p = 0.0f;
  EXPECT_EQ(support(options, logits), (Ids{1}));
  options = plain();
  options.min_p = 0.3f;  // of 0.4: 0.12
  EXPECT_EQ(support(options, logits), (Ids{1, 2, 3}));
  options = plain();
  // Entropy 1.393; |surprise - entropy|: 0.910, 0.477, 0.189, 0.504, 1.603 → 2, 1, 3, 0, 4
  options.typical_p = 0.2f;
  EXPECT_EQ(support(options, logits), (Ids{2}));
  options.typical_p = 0.6f;
  EXPECT_EQ(support(options, logits), (Ids{1, 2}));
  options.typical_p = 0.8f;
  EXPECT_EQ(support(options, logits), (Ids{1, 2, 3}));
  options = plain();
  options.top_k = 2;
  options.top_p = 0.55f;  // of 0.4 and 0.3 renormalized: 0.571 reaches it alone
  EXPECT_EQ(support(options, logits), (Ids{1}));
}

TEST(Sampler, PenaltiesAndBiasByHand) {
  SamplingOptions options;
  options.temperature = 0;
  const std::vector<float> logits = {2.0f, 1.9f, -1.0f, 1.5f};
  const std::vector<TokenId> history = {3, 0, 0, 2};
  const auto pick = [&] { return Sampler(options, best_isa()).sample(logits, history); };
  EXPECT_EQ(pick(), 0);
  options.repeat_penalty = 1.1f;  // 2.0 / 1.1 = 1.82
  EXPECT_EQ(pick(), 1);
  options.repeat_last_n = 1;  // only token 2 is recent
  EXPECT_EQ(pick(), 0);
  options.repeat_last_n = 0;
  EXPECT_EQ(pick(), 0);
  options.repeat_last_n = -1;
  EXPECT_EQ(pick(), 1);
  options.repeat_penalty = 1.0f;
  options.presence_penalty = 0.05f;  // 1.95
  EXPECT_EQ(pick(), 0);
  options.frequency_penalty = 0.05f;  // 2.0 - 2 * 0.05 - 0.05 = 1.85
  EXPECT_EQ(pick(), 1);
  options = {};
  options.temperature = 0;
  options.logit_bias = {{3, 0.3f}, {3, 0.3f}};  // 2.1
  EXPECT_EQ(pick(), 3);
  options.repeat_penalty = 2.0f;  // (1.5 + 0.6) / 2: bias comes first
  EXPECT_EQ(pick(), 1);
  options.logit_bias = {{1, -kInfinity}, {0, -kInfinity}};
  EXPECT_EQ(pick(), 3);
}

TEST(Sampler, ANegativeLogitIsPenalizedDownwards) {
  SamplingOptions options;
  options.temperature = 0;
  options.repeat_penalty = 1.5f;
  EXPECT_EQ(Sampler(options, best_isa())
                .sample(std::vector<float>{-1.0f, -1.2f}, std::vector<TokenId>{0}),
            1);
}

// A penalized token that was the largest of its block must not hide others, nor be found at its old
// place.
TEST(Sampler, PenaltiesInALargeVocabulary) {
  SamplingOptions options = plain();
  options.top_k = 3;
  options.presence_penalty = 50.0f;
  std::vector<float> logits = random_logits(5000, 3, 1.0);
  std::vector<TokenId> history;
  for (TokenId id = 1; id < 4096; id += 64) {  // the largest of 64 different blocks
    logits[static_cast<std::size_t>(id)] = 10.0f;
    history.push_back(id);
  }
  for (const std::size_t id : {40, 1064, 4999}) logits[id] = 5.0f;
  std::set<TokenId> seen;
  for (int i = 0; i < 200; ++i) {
    options.seed = static_cast<std::uint64_t>(i);
    seen.insert(Sampler(options, best_isa()).sample(logits, history));
  }
  EXPECT_EQ(seen, (std::set<TokenId>{40, 1064, 4999}));
}

TEST(Sampler, ADrawDependsOnSeedAndPositionOnly) {
  const std::vector<float> logits = random_logits(1000, 1, 3.0),
                           other = random_logits(1000, 2, 3.0);
  SamplingOptions options = plain();
  options.seed = 42;
  Sampler first(options, best_isa()), second(options, best_isa());
  std::vector<TokenId> forward, backward(50);
  for (std::size_t p = 0; p < 50; ++p) forward.push_back(first.sample(logits, positions(p)));
  for (std::size_t p = 50; p-- > 0;) {
    second.sample(other, positions(p * 3));
    backward[p] = second.sample(logits, positions(p));
  }
  EXPECT_EQ(forward, backward);
  options.seed = 43;
  Sampler third(options, best_isa());
  int equal = 0;
  for (std::size_t p = 0; p < 50; ++p)
    equal += third.sample(logits, positions(p)) == forward[p] ? 1 : 0;
  EXPECT_LT(equal, 10);
  EXPECT_GT((std::set<TokenId>(forward.begin(), forward.end()).size()), 30u);
}

std::string error_of(const std::vector<float>& logits, const SamplingOptions& options,
                     ErrorCode code) {
  try {
    Sampler(options, best_isa()).sample(logits, positions(17));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.message();
  }
  return "no error";
}

TEST(Sampler, UnsoundLogitsAreAnErrorThatNamesThePosition) {
  for (const float bad : {kNan, kInfinity}) {
    for (const std::size_t at : {0, 63, 64, 99}) {
      std::vector<float> logits = random_logits(100, 1, 1.0);
      logits[at] = bad;
      for (const float temperature : {0.0f, 1.0f}) {
        SamplingOptions options;
        options.temperature = temperature;
        const std::string message = error_of(logits, options, ErrorCode::kInternal);
        EXPECT_NE(message.find("position 17"), std::string::npos) << message;
        EXPECT_NE(message.find("token " + std::to_string(at)), std::string::npos) << message;
      }
    }
  }
}

TEST(Sampler, MaskedTokensAreNeverDrawnAndNothingLeftIsAnError) {
  const std::vector<float> logits = {-kInfinity, 1.0f, -kInfinity, 0.5f};
  EXPECT_EQ(support(plain(), logits), (std::set<TokenId>{1, 3}));
  SamplingOptions options = plain();
  options.logit_bias = {{1, -kInfinity}, {3, -kInfinity}};
  EXPECT_NE(error_of(logits, options, ErrorCode::kInvalidArgument).find("banned"),
            std::string::npos);
  options.logit_bias = {{4, 1.0f}};
  EXPECT_NE(error_of(logits, options, ErrorCode::kInvalidArgument).find("0 to 3"),
            std::string::npos);
}

TEST(Sampler, ExtremeLogitsAndOptionsStayInBounds) {
  const float huge = std::numeric_limits<float>::max();
  const std::vector<float> logits = {huge, -huge, huge, 0.0f, -kInfinity};
  SamplingOptions options = plain();
  options.repeat_penalty = 0.01f;
  options.frequency_penalty = -100.0f;
  options.logit_bias = {{0, 1e6f}};
  for (const float temperature : {1e-30f, 1.0f, 100.0f}) {
    options.temperature = temperature;
    const TokenId id =
        Sampler(options, best_isa()).sample(logits, std::vector<TokenId>{0, 1, 2, 3, 4});
    EXPECT_TRUE(id == 0 || id == 2) << id;
  }
}

TEST(Sampler, ValidateNamesTheFieldTheValueAndTheRange) {
  const auto message = [](auto change) {
    SamplingOptions options;
    change(options);
    try {
      validate(options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.message();
    }
    return std::string("accepted");
  };
  using Options = SamplingOptions;
  EXPECT_EQ(message([](Options&) {}), "accepted");
  EXPECT_EQ(message([](Options& o) { o.top_k = -2; }),
            "top_k is -2; it must be -1 or more (0 and -1: all)");
  EXPECT_EQ(message([](Options& o) { o.top_p = 1.5f; }), "top_p is 1.500000; it must be 0 to 1");
  EXPECT_EQ(message([](Options& o) { o.temperature = kNan; }),
            "temperature is nan; it must be 0 to 100");
  const auto refused = [&](auto change, const char* field) {
    EXPECT_EQ(message(change).rfind(std::string(field) + " is ", 0), 0u)
        << field << ": " << message(change);
  };
  refused([](Options& o) { o.temperature = -0.1f; }, "temperature");
  refused([](Options& o) { o.temperature = 101.0f; }, "temperature");
  refused([](Options& o) { o.top_p = -0.1f; }, "top_p");
  refused([](Options& o) { o.min_p = kNan; }, "min_p");
  refused([](Options& o) { o.typical_p = 2.0f; }, "typical_p");
  refused([](Options& o) { o.repeat_penalty = 0.0f; }, "repeat_penalty");
  refused([](Options& o) { o.repeat_penalty = kInfinity; }, "repeat_penalty");
  refused([](Options& o) { o.presence_penalty = -101.0f; }, "presence_penalty");
  refused([](Options& o) { o.frequency_penalty = 101.0f; }, "frequency_penalty");
  refused([](Options& o) { o.repeat_last_n = -2; }, "repeat_last_n");
  refused([](Options& o) { o.logit_bias = {{-1, 0.0f}}; }, "logit_bias");
  refused([](Options& o) { o.logit_bias = {{1, kNan}}; }, "logit_bias");
  refused([](Options& o) { o.logit_bias = {{1, kInfinity}}; }, "logit_bias");
  refused([](Options& o) { o.logit_bias = {{1, -2e6f}}; }, "logit_bias");
  refused([](Options& o) { o.logit_bias.resize(kLogitBiasMax + 1); }, "logit_bias");
}

}  // namespace
}  // namespace hearth
