// InterruptScope: while it lives, Ctrl-C (SIGINT), or whatever signals it is given, cancels its
// token instead of ending the program; afterwards whatever was there before is back. One at a time
// in a process.
#pragma once

#include <csignal>
#include <initializer_list>
#include <utility>
#include <vector>

#include "base/cancel.h"

namespace hearth {

class InterruptScope {
 public:
  explicit InterruptScope(std::initializer_list<int> signals = {SIGINT});
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  const CancelToken& token() const noexcept;
  void rearm() noexcept;         // as before the first interrupt
  int wake_fd() const noexcept;  // readable after an interrupt, for poll()

 private:
  std::vector<std::pair<int, struct sigaction>> before_;  // of each signal
};

}  // namespace hearth
