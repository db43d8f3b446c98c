#include "engine/logprobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace hearth {
namespace {

TEST(TokenLogprobs, SumToOneAndRankByLogitThenId) {
  const std::vector<float> logits = {1.0f, 3.0f, -2.0f, 3.0f, 0.5f};
  const TokenLogprobs all = token_logprobs(logits, 4, 9);
  ASSERT_EQ(all.top.size(), 5u);
  const std::vector<TokenId> order = {1, 3, 0, 4, 2};
  double sum = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(all.top[i].first, order[i]);
    sum += std::exp(static_cast<double>(all.top[i].second));
  }
  EXPECT_NEAR(sum, 1.0, 1e-6);
  EXPECT_EQ(all.logprob, all.top[3].second);
  EXPECT_NEAR(all.top[0].second - all.top[2].second, 2.0, 1e-6);
}

TEST(TokenLogprobs, ManyEqualOnesAndNoneAsked) {
  const std::vector<float> logits(1000, -7.0f);
  const TokenLogprobs none = token_logprobs(logits, 999, 0);
  EXPECT_TRUE(none.top.empty());
  EXPECT_NEAR(none.logprob, -std::log(1000.0), 1e-5);
}

// Far apart: nothing overflows, and what is impossible stays finite or -infinity, never NaN.
TEST(TokenLogprobs, Extremes) {
  const std::vector<float> logits = {3e38f, -3e38f, -INFINITY};
  EXPECT_EQ(token_logprobs(logits, 0, 0).logprob, 0.0f);
  EXPECT_FALSE(std::isnan(token_logprobs(logits, 1, 0).logprob));
  EXPECT_EQ(token_logprobs(logits, 2, 0).logprob, -INFINITY);
}

}  // namespace
}  // namespace hearth
