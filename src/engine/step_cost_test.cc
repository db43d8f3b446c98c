#include "engine/step_cost.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(StepCost, APromptStretchesAStepByLessThanTwice) {
  StepCost cost;
  EXPECT_GE(cost.prompt_rows(), 1u) << "before anything was measured";
  for (int i = 0; i < 50; ++i) {
    cost.took(4, 4, 0.010);
    cost.took(1, 100, 0.050);  // 0.5 ms a row
  }
  EXPECT_NEAR(static_cast<double>(cost.prompt_rows()), 16, 1);  // 0.8 * 10 ms
  for (int i = 0; i < 50; ++i) cost.took(1, 100, 5.0);
  EXPECT_EQ(cost.prompt_rows(), 8u) << "a prompt must end";
}

TEST(StepCost, MixedStepsTellWhatTheirPromptsAdded) {
  StepCost cost;
  for (int i = 0; i < 50; ++i) cost.took(4, 4, 0.010);
  for (int i = 0; i < 50; ++i) cost.took(5, 24, 0.020);
  EXPECT_NEAR(cost.wait_seconds(100, 0, 4), 100 * 0.010 / 24, 1e-6);
}

TEST(StepCost, PredictsAWait) {
  StepCost cost;
  EXPECT_EQ(cost.wait_seconds(1000, 5, 5), 0) << "nothing is known yet";
  cost.took(2, 2, 0.01);
  cost.took(1, 100, 0.1);
  EXPECT_NEAR(cost.wait_seconds(500, 0, 2), 0.5, 1e-9);
  EXPECT_NEAR(cost.wait_seconds(0, 4, 2), 2 * 256 * 0.01, 1e-9);
}

}  // namespace
}  // namespace hearth
