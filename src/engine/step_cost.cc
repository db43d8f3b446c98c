#include "engine/step_cost.h"

#include <algorithm>

namespace hearth {

void StepCost::took(std::size_t sequences, std::size_t rows, double seconds) noexcept {
  const auto average = [](double& value, double now) {
    value = value == 0 ? now : value + kNew * (now - value);
  };
  if (rows == sequences) return average(decode_seconds_, seconds);
  // Of a mixed step, what its prompts added; they cannot have been free.
  const double answers = sequences > 1 ? std::min(decode_seconds_, seconds / 2) : 0;
  average(row_seconds_, (seconds - answers) / static_cast<double>(rows));
}

std::size_t StepCost::prompt_rows() const noexcept {
  if (decode_seconds_ == 0 || row_seconds_ == 0) return kPromptRowsAtFirst;
  const double rows = (kStretch - 1) * decode_seconds_ / row_seconds_;
  return std::max(kPromptRowsMin, static_cast<std::size_t>(std::min(rows, 1e6)));
}

double StepCost::wait_seconds(std::size_t prompt_rows, std::size_t waiting,
                              std::size_t running) const noexcept {
  const double reading = static_cast<double>(prompt_rows) * row_seconds_;
  if (waiting == 0) return reading;
  const double rounds =
      static_cast<double>(waiting) / static_cast<double>(std::max<std::size_t>(running, 1));
  return reading + rounds * kAnswerSteps * decode_seconds_;
}

}  // namespace hearth
