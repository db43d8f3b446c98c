// InterruptScope: while it lives, Ctrl-C (SIGINT) cancels its token instead of ending the program;
// afterwards whatever was there before is back. One at a time in a process.
#pragma once

#include <csignal>

#include "base/cancel.h"

namespace hearth {

class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  const CancelToken& token() const noexcept;
  int wake_fd() const noexcept;  // readable after an interrupt, for poll()

 private:
  struct sigaction before_{};
};

}  // namespace hearth
