#include "cli/live_screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace hearth {
namespace {

constexpr const char* kEnter = "\033[?1049h\033[?25l";
constexpr const char* kLeave = "\033[?25h\033[?1049l";

}  // namespace

LiveScreen::LiveScreen(bool bold_head)
    : bold_head_(bold_head), before_{}, reads_keys_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
  if (reads_keys_) {
    termios keys = before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    // A stopped program would leave the shell on the other screen.
    keys.c_cc[VSUSP] = _POSIX_VDISABLE;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &keys);
  }
  std::fputs(kEnter, stdout);
}

LiveScreen::~LiveScreen() {
  std::fputs(kLeave, stdout);
  std::fflush(stdout);
  if (reads_keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

LiveScreen::Size LiveScreen::size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {};
  return {size.ws_col, size.ws_row};
}

// Each line clears what stood behind it, the last what stood below.
void LiveScreen::show(const std::vector<std::string>& lines) {
  std::string frame = "\033[H";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) frame += "\r\n";
    frame += i == 0 && bold_head_ ? "\033[1m" + lines[i] + "\033[0m" : lines[i];
    frame += "\033[K";
  }
  frame += "\033[J";
  std::fwrite(frame.data(), 1, frame.size(), stdout);
  std::fflush(stdout);
}

bool LiveScreen::wait(double seconds, const InterruptScope& scope) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (!scope.token().cancelled()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return true;
    pollfd waiting[] = {{.fd = scope.wake_fd(), .events = POLLIN, .revents = 0},
                        {.fd = reads_keys_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}};
    ::poll(waiting, 2, static_cast<int>(left.count()) + 1);
    if (waiting[1].revents == 0) continue;
    char key = 0;
    if (::read(STDIN_FILENO, &key, 1) != 1) return false;  // the terminal is gone
    if (key == 'q' || key == 'Q') return false;
  }
  return false;
}

}  // namespace hearth
