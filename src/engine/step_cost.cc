#include "engine/step_cost.h"

#include <algorithm>

namespace hearth {

void StepCost::took(std::size_t answers, std::size_t prompt_rows, double seconds) noexcept {
  const auto average = [](double& value, double now) {
    value = value == 0 ? now : value + kNew * (now - value);
  };
  if (prompt_rows == 0) {
    const auto now = static_cast<double>(answers);
    const bool other = now > kOther * decode_answers_ || decode_answers_ > kOther * now;
    if (other) decode_seconds_ = 0;
    average(decode_seconds_, seconds);
    decode_answers_ = now;
    mixed_in_turn_ = 0;
    return;
  }
  // Of a mixed step, what its prompts added; they cannot have been free.
  const double alone = answers > 0 ? std::min(decode_seconds_, seconds / 2) : 0;
  average(row_seconds_, (seconds - alone) / static_cast<double>(prompt_rows));
  if (answers > 0) ++mixed_in_turn_;
}

std::size_t StepCost::prompt_rows(std::size_t answers) const noexcept {
  const auto now = static_cast<double>(answers);
  const bool other = now > kOther * decode_answers_ || decode_answers_ > kOther * now;
  if (answers > 0 && (other || mixed_in_turn_ >= kMixedMax)) return 0;
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
