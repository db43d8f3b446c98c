// How long ago a moment of the steady clock was. Any thread.
#pragma once

#include <chrono>

namespace hearth {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace hearth
