// The two kinds of kResourceExhausted that are not a limit of ours, set for what was asked: who
// serves requests answers each in its own way. Immutable values.
#pragma once

#include <string>

#include "base/error.h"

namespace hearth {

// The system has no more of it: the same request may succeed later, or on another machine.
class ShortageError : public Error {
 public:
  enum class Of { kMemory, kDescriptors, kDisk };

  ShortageError(Of of, std::string message, std::string detail = {})
      : Error(ErrorCode::kResourceExhausted, std::move(message), std::move(detail)), of_(of) {}
  Of of() const noexcept { return of_; }

 private:
  Of of_;
};

// A prompt that leaves no room to answer; the message has both numbers.
class ContextError : public Error {
 public:
  explicit ContextError(std::string message)
      : Error(ErrorCode::kResourceExhausted, std::move(message)) {}
};

}  // namespace hearth
