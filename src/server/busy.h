// BusyError: not now, but so many seconds later.
#pragma once

#include <string>

#include "base/error.h"

namespace hearth {

class BusyError : public Error {
 public:
  BusyError(std::string message, double retry_after_seconds)
      : Error(ErrorCode::kResourceExhausted, std::move(message)),
        retry_after_seconds_(retry_after_seconds) {}
  double retry_after_seconds() const noexcept { return retry_after_seconds_; }

 private:
  double retry_after_seconds_;
};

}  // namespace hearth
