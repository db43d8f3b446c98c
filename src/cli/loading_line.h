// LoadingLine: a line on stderr while a model loads, once that has taken a second and only on a
// terminal; gone when it ends. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace hearth {

class LoadingLine {
 public:
  explicit LoadingLine(std::string what);
  ~LoadingLine();
  LoadingLine(const LoadingLine&) = delete;
  LoadingLine& operator=(const LoadingLine&) = delete;

  void show(std::uint64_t done_bytes, std::uint64_t all_bytes);

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  bool on_terminal_;
  bool drawn_ = false;
  Clock::time_point next_;
};

}  // namespace hearth
