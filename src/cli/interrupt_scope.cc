#include "cli/interrupt_scope.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/check.h"

namespace hearth {
namespace {

// What a signal handler may touch has to be reachable without an object.
CancelToken interrupted;
bool in_scope = false;
int wake = -1;  // an eventfd, made once; readable after an interrupt

void interrupt(int) {
  const int kept = errno;
  interrupted.cancel();
  const std::uint64_t one = 1;
  if (::write(wake, &one, sizeof one) < 0) {
    // It is readable already.
  }
  errno = kept;
}

}  // namespace

InterruptScope::InterruptScope(std::initializer_list<int> signals) {
  CHECK(!in_scope);
  in_scope = true;
  if (wake < 0) wake = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  rearm();
  struct sigaction action{};
  action.sa_handler = interrupt;
  for (const int signal : signals) {
    struct sigaction kept{};
    ::sigaction(signal, &action, &kept);
    before_.emplace_back(signal, kept);
  }
}

InterruptScope::~InterruptScope() {
  for (const auto& [signal, kept] : before_) ::sigaction(signal, &kept, nullptr);
  in_scope = false;
}

void InterruptScope::rearm() noexcept {
  interrupted.reset();
  std::uint64_t before = 0;
  while (::read(wake, &before, sizeof before) > 0) {
  }
}

const CancelToken& InterruptScope::token() const noexcept { return interrupted; }

int InterruptScope::wake_fd() const noexcept { return wake; }

}  // namespace hearth
