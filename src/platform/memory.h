// PageBuffer: anonymous memory straight from the system, zeroed, aligned to 2 MiB, advised to use
// huge pages from its second 2 MiB on. Pages take physical memory when they are first touched, so a
// large buffer may be reserved and used in part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace hearth {

class PageBuffer {
 public:
  PageBuffer() = default;
  // Throws kResourceExhausted when the system refuses. bytes may be 0.
  explicit PageBuffer(std::size_t bytes);
  ~PageBuffer();
  PageBuffer(PageBuffer&& other) noexcept { swap(other); }
  PageBuffer& operator=(PageBuffer&& other) noexcept {
    swap(other);
    return *this;
  }

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

 private:
  void swap(PageBuffer& other) noexcept {
    std::swap(map_, other.map_);
    std::swap(map_bytes_, other.map_bytes_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  void* map_ = nullptr;
  std::size_t map_bytes_ = 0;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Memory this process may still take, in bytes: what the system calls available, or what its
// control groups leave.
std::uint64_t available_memory_bytes();
// Memory this process has taken, files that it maps included; 0 where the system does not say.
std::uint64_t resident_memory_bytes();

}  // namespace hearth
