// Scratch memory of each worker, one area per purpose. Areas grow while operations are queued
// (their contents are worth nothing between regions) and are looked up while jobs run.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "platform/memory.h"

namespace hearth {

enum class Area : std::uint8_t { kNormed, kConverted, kKernel, kOut, kState };

class WorkerMemory {
 public:
  explicit WorkerMemory(std::size_t workers) : workers_(workers) {}

  void reserve(Area area, std::size_t bytes) {
    for (auto& worker : workers_) {
      PageBuffer& memory = worker[static_cast<std::size_t>(area)];
      if (memory.size() < bytes) memory = PageBuffer(bytes);
    }
  }
  template <typename T>
  T* get(Area area, std::size_t worker) const noexcept {
    return reinterpret_cast<T*>(workers_[worker][static_cast<std::size_t>(area)].data());
  }

 private:
  static constexpr std::size_t kAreas = 5;
  std::vector<std::array<PageBuffer, kAreas>> workers_;
};

}  // namespace hearth
