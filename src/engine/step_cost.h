// StepCost: what steps have taken lately, and so how many rows of prompts a step may carry beside
// the answers, and how long who comes now will wait. One thread; no clock of its own.
#pragma once

#include <cstddef>

namespace hearth {

class StepCost {
 public:
  // A step of so many answers (a row each) and rows of prompts took so long.
  void took(std::size_t answers, std::size_t prompt_rows, double seconds) noexcept;

  // So many that a step with answers takes at most kStretch times what it takes without prompts:
  // whoever reads an answer hardly sees that another's prompt is being read. overdue: kOverdue
  // times; and where more wait for their first token than have answers, as many times more. 0 where
  // that has to be measured first: for another number of answers, and now and then.
  std::size_t prompt_rows(std::size_t answers, std::size_t readers = 1,
                          bool overdue = false) const noexcept;

  // Until the prompt of who comes now begins, when so many rows of prompts are ahead, and so many
  // sequences wait for one of the running to end.
  double wait_seconds(std::size_t prompt_rows, std::size_t waiting,
                      std::size_t running) const noexcept;

 private:
  // Whether what was measured is of nearly as many answers.
  bool knows(std::size_t answers) const noexcept;

  static constexpr double kStretch = 1.8;
  // 7/8 of a step: nearly as fast as alone. It takes a step or two until who was overdue has been
  // served as much as the others.
  static constexpr double kOverdue = 8;
  static constexpr double kNew = 0.2;               // of an average, what the last step decides
  static constexpr double kNewAfterMixed = 0.5;     // which told little of it
  static constexpr std::size_t kPromptRowsMin = 2;  // or a prompt would never end
  static constexpr std::size_t kPromptRowsAtFirst = 32;  // nothing measured yet
  static constexpr double kAnswerSteps = 256;            // of a usual answer
  static constexpr double kOther = 1.25;        // times as many answers: their cost is measured
  static constexpr std::size_t kMixedMax = 32;  // steps without a new measure: 2 % of them, at 1.8

  double decode_seconds_ = 0;      // of a step of answers alone
  double decode_answers_ = 0;      // so many
  std::size_t mixed_in_turn_ = 0;  // steps since
  double row_seconds_ = 0;         // of a row of a prompt
};

}  // namespace hearth
