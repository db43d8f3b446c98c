#include "cli/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "store/download.h"

namespace hearth {
namespace {

constexpr int kColumnsDefault = 80;
constexpr int kBarColumns = 20;

int terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return kColumnsDefault;
}

std::string format_seconds(double seconds) {
  const auto whole = static_cast<long>(std::ceil(std::min(seconds, 359'999.0)));  // 99 h 59 m 59 s
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole / 60 % 60) + " min";
}

std::string amounts(const PullProgress& progress) {
  std::string text = format_bytes(progress.bytes_done);
  if (progress.bytes_total > 0) text += " of " + format_bytes(progress.bytes_total);
  if (progress.bytes_per_second >= 1) {
    text += ", " + format_bytes(static_cast<std::uint64_t>(progress.bytes_per_second)) + "/s";
  }
  if (progress.seconds_left > 0) text += ", " + format_seconds(progress.seconds_left) + " left";
  return text;
}

double share(const PullProgress& progress) {
  if (progress.bytes_total == 0) return 0;
  return std::min(
      1.0, static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes_total));
}

// Only what has an extent in bytes gets a bar.
bool measured(const PullProgress& progress) {
  return progress.bytes_total > 0 && progress.stage != PullStage::kChecking &&
         progress.stage != PullStage::kDone;
}

}  // namespace

ProgressLine::Style ProgressLine::style_for_stderr() {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  return ::isatty(STDERR_FILENO) != 0 && !dumb ? Style::kBar : Style::kPlain;
}

std::string render_bar(const PullProgress& progress, int columns) {
  std::string head = std::string(to_string(progress.stage)) + " ";
  std::string tail;
  if (measured(progress)) {
    const int filled = static_cast<int>(share(progress) * kBarColumns);
    const int percent = static_cast<int>(share(progress) * 100);
    tail = "  " + std::to_string(percent) + " % [" + std::string(filled, '#') +
           std::string(kBarColumns - filled, ' ') + "] " + amounts(progress);
  } else if (progress.bytes_done > 0) {
    tail = "  " + amounts(progress);
  }
  const int room = columns - 1 - static_cast<int>(head.size() + tail.size());
  std::string what = progress.what;
  if (static_cast<int>(what.size()) > room) {
    what = room > 1 ? what.substr(0, static_cast<std::size_t>(room - 1)) + "~" : "";
  }
  std::string line = head + what + tail;
  if (static_cast<int>(line.size()) >= columns) line.resize(static_cast<std::size_t>(columns - 1));
  return line;
}

void ProgressLine::show(const PullProgress& progress) {
  switch (style_) {
    case Style::kSilent: return;
    case Style::kBar: return show_bar(progress);
    case Style::kPlain: return show_plain(progress);
    case Style::kJson: break;
  }
  const nlohmann::json line = {{"status", std::string(to_string(progress.stage))},
                               {"what", progress.what},
                               {"completed", progress.bytes_done},
                               {"total", progress.bytes_total},
                               {"bytes_per_second", std::round(progress.bytes_per_second)},
                               {"seconds_left", std::round(progress.seconds_left * 10) / 10}};
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void ProgressLine::show_bar(const PullProgress& progress) {
  if (progress.stage == PullStage::kDone) return finish();
  // \r goes to the line's beginning, ESC [K clears what a longer line left.
  std::fprintf(stderr, "\r%s\033[K", render_bar(progress, terminal_columns()).c_str());
  drawing_ = true;
}

void ProgressLine::show_plain(const PullProgress& progress) {
  if (progress.stage == PullStage::kDone) return;
  const std::string stage = std::string(to_string(progress.stage)) + " " + progress.what;
  const int tenths = measured(progress) ? static_cast<int>(share(progress) * 10) : 0;
  if (stage == stage_ && tenths <= tenths_shown_) return;
  stage_ = stage;
  tenths_shown_ = tenths;
  const std::string tail = measured(progress) ? ": " + amounts(progress) : "";
  std::fprintf(stderr, "%s%s\n", stage.c_str(), tail.c_str());
}

void ProgressLine::finish() {
  if (drawing_) std::fputs("\r\033[K", stderr);
  drawing_ = false;
}

}  // namespace hearth
