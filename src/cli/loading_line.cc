#include "cli/loading_line.h"

#include <cstdio>
#include <utility>

#include "cli/progress_line.h"

namespace hearth {
namespace {

constexpr std::chrono::milliseconds kPatience{1000};  // shorter waits need no explanation
constexpr std::chrono::milliseconds kRedraw{100};

}  // namespace

LoadingLine::LoadingLine(std::string what)
    : what_(std::move(what)),
      on_terminal_(ProgressLine::style_for_stderr() == ProgressLine::Style::kBar),
      next_(Clock::now() + kPatience) {}

LoadingLine::~LoadingLine() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void LoadingLine::show(std::uint64_t done_bytes, std::uint64_t all_bytes) {
  if (!on_terminal_ || Clock::now() < next_) return;
  next_ = Clock::now() + kRedraw;
  drawn_ = true;
  const double share = static_cast<double>(done_bytes) / static_cast<double>(all_bytes + 1);
  std::fprintf(stderr, "\rloading %s  %d %%\033[K", what_.c_str(), static_cast<int>(share * 100));
}

}  // namespace hearth
