// StepCost: what steps have taken lately, and so how many rows of prompts a step may carry beside
// the answers, and how long who comes now will wait. One thread; no clock of its own.
#pragma once

#include <cstddef>

namespace hearth {

class StepCost {
 public:
  // A step of `sequences` chunks and `rows` rows took so long.
  void took(std::size_t sequences, std::size_t rows, double seconds) noexcept;

  // So many that a step with answers takes at most kStretch times what it takes without prompts:
  // whoever reads an answer hardly sees that another's prompt is being read.
  std::size_t prompt_rows() const noexcept;

  // Until the prompt of who comes now begins, when so many rows of prompts are ahead, and so many
  // sequences wait for one of the running to end.
  double wait_seconds(std::size_t prompt_rows, std::size_t waiting,
                      std::size_t running) const noexcept;

 private:
  static constexpr double kStretch = 1.8;
  static constexpr double kNew = 0.2;               // of an average, what the last step decides
  static constexpr std::size_t kPromptRowsMin = 8;  // or a prompt would never end
  static constexpr std::size_t kPromptRowsAtFirst = 32;  // nothing measured yet
  static constexpr double kAnswerSteps = 256;            // of a usual answer

  double decode_seconds_ = 0;  // of a step of answers alone
  double row_seconds_ = 0;     // of a row of a prompt
};

}  // namespace hearth
