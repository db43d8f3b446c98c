// PromptLine: a line on stderr while a prompt is computed, once that has taken a second and only on
// a terminal; gone when the prompt is done. One thread uses it; a thread of its own draws, since a
// part of a prompt may take longer than a person waits without a sign.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>

namespace hearth {

class PromptLine {
 public:
  // drawn: false for a line that never shows.
  explicit PromptLine(bool drawn);
  ~PromptLine() { finish(); }
  PromptLine(const PromptLine&) = delete;
  PromptLine& operator=(const PromptLine&) = delete;

  void show(std::size_t done_tokens, std::size_t all_tokens);
  void finish();  // erases the line

 private:
  void draw_until_finished();

  bool drawn_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::size_t done_tokens_ = 0, all_tokens_ = 0;
  bool finished_ = false;
  std::thread drawer_;  // from the first show() to finish()
};

// "reading the prompt: 1,024 of 4,096 tokens …"
std::string prompt_line_text(std::size_t done_tokens, std::size_t all_tokens);

}  // namespace hearth
