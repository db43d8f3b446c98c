#include "cli/prompt_line.h"

#include <chrono>
#include <cstdio>

#include "cli/progress_line.h"

namespace hearth {
namespace {

constexpr std::chrono::milliseconds kPatience{1000};  // shorter waits need no explanation

std::string with_commas(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

}  // namespace

PromptLine::PromptLine(bool drawn)
    : drawn_(drawn && ProgressLine::style_for_stderr() == ProgressLine::Style::kBar) {}

void PromptLine::show(std::size_t done_tokens, std::size_t all_tokens) {
  if (!drawn_) return;
  if (done_tokens == all_tokens) return finish();
  {
    const std::lock_guard lock(mutex_);
    done_tokens_ = done_tokens;
    all_tokens_ = all_tokens;
  }
  changed_.notify_one();
  if (!drawer_.joinable()) drawer_ = std::thread([this] { draw_until_finished(); });
}

void PromptLine::finish() {
  if (!drawer_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_one();
  drawer_.join();
  finished_ = false;
}

void PromptLine::draw_until_finished() {
  std::unique_lock lock(mutex_);
  if (changed_.wait_for(lock, kPatience, [this] { return finished_; })) return;
  while (!finished_) {
    const std::size_t shown = done_tokens_;
    std::fprintf(stderr, "\r%s\033[K", prompt_line_text(shown, all_tokens_).c_str());
    changed_.wait(lock, [&] { return finished_ || done_tokens_ != shown; });
  }
  std::fputs("\r\033[K", stderr);
}

std::string prompt_line_text(std::size_t done_tokens, std::size_t all_tokens) {
  return "reading the prompt: " + with_commas(done_tokens) + " of " + with_commas(all_tokens) +
         " tokens …";
}

}  // namespace hearth
