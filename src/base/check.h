// CHECK: programmer errors. Always on, never reachable from input; prints the condition and aborts.
#pragma once

namespace hearth {
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;
}  // namespace hearth

#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) [[unlikely]]                            \
      ::hearth::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
