// BodyShare: what one request's body holds in memory, counted with all others of its server. The
// connection fills it, the exchange keeps it until the last handler lets go of the request. Giving
// it back is safe on any thread, and after the server has gone; growing it is one thread's.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace hearth {

class BodyShare {
 public:
  using Total = std::shared_ptr<std::atomic<std::size_t>>;

  BodyShare() = default;
  explicit BodyShare(Total total) : total_(std::move(total)) {}
  ~BodyShare() {
    if (total_) *total_ -= bytes_;
  }
  BodyShare(BodyShare&& other) noexcept
      : total_(std::move(other.total_)), bytes_(std::exchange(other.bytes_, 0)) {}
  BodyShare& operator=(BodyShare&& other) noexcept {
    std::swap(total_, other.total_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  // Holds so many from now on; returns what all hold.
  std::size_t hold(std::size_t bytes) {
    const std::size_t more = bytes - std::exchange(bytes_, bytes);  // modulo 2^64: may be negative
    return total_->fetch_add(more) + more;
  }

 private:
  Total total_;
  std::size_t bytes_ = 0;
};

}  // namespace hearth
