#include "server/limits.h"

#include <ctime>
#include <string>

#include "server/busy.h"

namespace hearth {

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &utc)};
}

Limits::Pass Limits::enter(const Caller& caller) {
  if (caller.key_id == 0) return nullptr;
  const KeyLimits& limits = caller.limits;
  if (limits.tokens_per_day > 0 &&
      state_.tokens_of_day(caller.key_id, today()) >= limits.tokens_per_day) {
    const double seconds = 86400.0 - static_cast<double>(std::time(nullptr) % 86400);
    throw BusyError(
        "this key has used its " + std::to_string(limits.tokens_per_day) + " tokens of today (UTC)",
        seconds);
  }
  const std::scoped_lock lock(mutex_);
  Of& of = keys_[caller.key_id];
  const Clock::time_point now = Clock::now();
  while (!of.last_minute.empty() && now - of.last_minute.front() > std::chrono::minutes(1)) {
    of.last_minute.pop_front();
  }
  if (limits.requests_at_once > 0 && of.at_once >= limits.requests_at_once) {
    throw BusyError(
        "this key may have " + std::to_string(limits.requests_at_once) + " requests at a time", 1);
  }
  if (limits.requests_per_minute > 0) {
    if (of.last_minute.size() >= limits.requests_per_minute) {
      const auto until = of.last_minute.front() + std::chrono::minutes(1) - now;
      throw BusyError(
          "this key may make " + std::to_string(limits.requests_per_minute) + " requests a minute",
          std::chrono::duration<double>(until).count());
    }
    of.last_minute.push_back(now);
  }
  ++of.at_once;
  return {nullptr, [this, id = caller.key_id](void*) {
            const std::scoped_lock leaving(mutex_);
            --keys_.at(id).at_once;
          }};
}

}  // namespace hearth
