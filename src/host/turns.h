// Turns: a lock that is given in the order it was asked for. Engines of one process share a Device:
// with a plain mutex, who releases it and wants it again at once would always win.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace hearth {

class Turns {
 public:
  void lock() {
    std::unique_lock lock(mutex_);
    const std::uint64_t mine = next_++;
    came_.wait(lock, [&] { return now_ == mine; });
  }
  void unlock() {
    {
      const std::scoped_lock lock(mutex_);
      ++now_;
    }
    came_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::uint64_t next_ = 0, now_ = 0;
};

}  // namespace hearth
