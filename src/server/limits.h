// Limits: what a key may ask for at a time, in a minute and in a day. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "server/doors.h"

namespace hearth {

class Limits {
 public:
  explicit Limits(State& state) : state_(state) {}

  // Held as long as the request is under way. Throws BusyError beyond a limit of the key.
  using Pass = std::shared_ptr<void>;
  Pass enter(const Caller& caller);

 private:
  using Clock = std::chrono::steady_clock;
  struct Of {
    std::size_t at_once = 0;
    std::deque<Clock::time_point> last_minute;
  };

  State& state_;
  std::mutex mutex_;
  std::map<std::int64_t, Of> keys_;  // guarded by mutex_
};

// "2026-11-23", UTC.
std::string today();

}  // namespace hearth
