#include "engine/step_cost.h"

#include <algorithm>

namespace hearth {

void StepCost::took(std::size_t answers, std::size_t prompt_rows, double seconds) noexcept {
  const auto average = [](double& value, double now, double weight = kNew) {
    value = value == 0 ? now : value + weight * (now - value);
  };
  if (prompt_rows == 0) {
    if (!knows(answers)) decode_seconds_ = 0;
    average(decode_seconds_, seconds, mixed_in_turn_ > 0 ? kNewAfterMixed : kNew);
    decode_answers_ = static_cast<double>(answers);
    mixed_in_turn_ = 0;
    return;
  }
  const auto rows = static_cast<double>(prompt_rows);
  if (answers == 0) return average(row_seconds_, seconds / rows);
  ++mixed_in_turn_;
  if (row_seconds_ == 0) {
    row_seconds_ = std::max(seconds - decode_seconds_, seconds / 2) / rows;
    return;
  }
  // Which of the two took another time than was expected is not known: the machine may be slower at
  // everything for a while. Both change by as much; a step of answers alone tells them apart.
  const double other = std::clamp(seconds / (decode_seconds_ + rows * row_seconds_), 0.25, 4.0);
  decode_seconds_ *= 1 + kNew * (other - 1);
  row_seconds_ *= 1 + kNew * (other - 1);
}

bool StepCost::knows(std::size_t answers) const noexcept {
  const auto now = static_cast<double>(answers);
  return now <= kOther * decode_answers_ && decode_answers_ <= kOther * now;
}

std::size_t StepCost::prompt_rows(std::size_t answers, std::size_t readers,
                                  bool overdue) const noexcept {
  if (answers > 0 && (!knows(answers) || mixed_in_turn_ >= kMixedMax)) return 0;
  if (decode_seconds_ == 0 || row_seconds_ == 0) return kPromptRowsAtFirst;
  const double more = 0 < answers && answers < readers
                          ? static_cast<double>(readers) / static_cast<double>(answers)
                          : 1;
  const double stretch = std::max(overdue ? kOverdue - 1 : 0, more * (kStretch - 1));
  const double rows = stretch * decode_seconds_ / row_seconds_;
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
