#include "cli/interrupt_scope.h"

#include "base/check.h"

namespace hearth {
namespace {

// What a signal handler may touch has to be reachable without an object.
CancelToken interrupted;
bool in_scope = false;

}  // namespace

InterruptScope::InterruptScope() {
  CHECK(!in_scope);
  in_scope = true;
  interrupted.reset();
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted.cancel(); };
  // No SA_RESTART: a read that waits for a key returns, so that the prompt learns of it.
  ::sigaction(SIGINT, &action, &before_);
}

InterruptScope::~InterruptScope() {
  ::sigaction(SIGINT, &before_, nullptr);
  in_scope = false;
}

const CancelToken& InterruptScope::token() const noexcept { return interrupted; }

}  // namespace hearth
