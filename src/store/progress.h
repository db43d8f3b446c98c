// What a pull tells whoever watches it: the stage, bytes done and expected, rate and time left. The
// meter reports at most ten times a second and at every change of stage. One pull, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace hearth {

enum class PullStage {
  kAsking,
  kWaiting,
  kDownloading,
  kUploading,
  kFetchingWheel,
  kJoining,
  kChecking,
  kDone
};

std::string_view to_string(PullStage stage) noexcept;

struct PullProgress {
  PullStage stage = PullStage::kAsking;
  std::string what;               // which source, file or wheel
  std::uint64_t bytes_done = 0;   // of this stage
  std::uint64_t bytes_total = 0;  // 0 when unknown
  double bytes_per_second = 0;    // over the last seconds; 0 when unknown
  double seconds_left = 0;        // 0 when unknown
};

using PullObserver = std::function<void(const PullProgress&)>;

class ProgressMeter {
 public:
  using Clock = std::chrono::steady_clock;
  explicit ProgressMeter(PullObserver observer, std::function<Clock::time_point()> now = Clock::now)
      : observer_(std::move(observer)), now_(std::move(now)) {}

  // Begins a stage. `bytes_done` were there before and do not count for the rate.
  void begin(PullStage stage, std::string what, std::uint64_t bytes_done = 0,
             std::uint64_t bytes_total = 0);
  void set_total(std::uint64_t bytes_total) { progress_.bytes_total = bytes_total; }
  void set_done(std::uint64_t bytes_done);

 private:
  void report(Clock::time_point now);

  PullObserver observer_;
  std::function<Clock::time_point()> now_;
  PullProgress progress_;
  Clock::time_point reported_{};
  Clock::time_point window_start_{};
  std::uint64_t window_done_ = 0;
};

}  // namespace hearth
