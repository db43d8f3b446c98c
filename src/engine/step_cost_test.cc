#include "engine/step_cost.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(StepCost, APromptStretchesAStepByLessThanTwice) {
  StepCost cost;
  EXPECT_GE(cost.prompt_rows(0), 1u) << "before anything was measured";
  for (int i = 0; i < 50; ++i) {
    cost.took(0, 100, 0.050);  // 0.5 ms a row
    cost.took(4, 0, 0.010);
  }
  EXPECT_NEAR(static_cast<double>(cost.prompt_rows(4)), 16, 1);  // 0.8 * 10 ms
  for (int i = 0; i < 50; ++i) cost.took(0, 100, 5.0);
  EXPECT_EQ(cost.prompt_rows(4), 2u) << "a prompt must end";
}

// Steps of 4 answers in 10 ms, and 0.5 ms for each row of a prompt, which it took for four times as
// much at first.
TEST(StepCost, MixedStepsTellWhatTheirPromptsAdd) {
  StepCost cost;
  cost.took(0, 100, 0.200);
  cost.took(4, 0, 0.010);
  for (int i = 0; i < 1000; ++i) {
    const std::size_t rows = cost.prompt_rows(4);
    cost.took(4, rows, 0.010 + 0.0005 * static_cast<double>(rows));
  }
  EXPECT_NEAR(static_cast<double>(cost.prompt_rows(4)), 16, 1);
}

TEST(StepCost, ASlowMachineChangesNoProportion) {
  StepCost cost;
  cost.took(0, 100, 0.050);
  cost.took(4, 0, 0.010);
  for (int i = 0; i < 20; ++i) cost.took(4, 16, 0.054);  // all three times as slow
  EXPECT_NEAR(static_cast<double>(cost.prompt_rows(4)), 16, 1);
}

TEST(StepCost, MeasuresWhatOtherAnswersTake) {
  StepCost cost;
  cost.took(0, 100, 0.1);
  cost.took(1, 0, 0.010);
  EXPECT_EQ(cost.prompt_rows(16), 0u) << "sixteen were never measured";
  cost.took(16, 0, 0.040);
  EXPECT_EQ(cost.prompt_rows(16), 32u);  // 0.8 * 40 ms
  EXPECT_EQ(cost.prompt_rows(18), 32u) << "nearly as many";
  EXPECT_EQ(cost.prompt_rows(16, 48), 96u) << "three wait for each that answers";
  EXPECT_EQ(cost.prompt_rows(16, 1, true), 280u) << "7 * 40 ms";
  cost.took(4, 0, 0.020);
  EXPECT_EQ(cost.prompt_rows(4), 16u) << "fewer, and no average with sixteen";
}

TEST(StepCost, MeasuresAgainNowAndThen) {
  StepCost cost;
  cost.took(4, 0, 0.010);
  std::size_t mixed = 0;
  for (; mixed < 1000 && cost.prompt_rows(4) > 0; ++mixed) cost.took(4, 8, 0.020);
  EXPECT_GE(mixed, 10u);
  EXPECT_LT(mixed, 100u);
  cost.took(4, 0, 0.012);
  EXPECT_GT(cost.prompt_rows(4), 0u);
}

TEST(StepCost, PredictsAWait) {
  StepCost cost;
  EXPECT_EQ(cost.wait_seconds(1000, 5, 5), 0) << "nothing is known yet";
  cost.took(2, 0, 0.01);
  cost.took(0, 100, 0.1);
  EXPECT_NEAR(cost.wait_seconds(500, 0, 2), 0.5, 1e-9);
  EXPECT_NEAR(cost.wait_seconds(0, 4, 2), 2 * 256 * 0.01, 1e-9);
}

}  // namespace
}  // namespace hearth
