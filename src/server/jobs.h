// Jobs: a bounded pool of threads for what blocks: templates, tokenizing, loads, SQLite, pulls.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hearth {

class Jobs {
 public:
  Jobs(std::size_t threads, std::size_t waiting_max);
  ~Jobs();  // does what waits, then ends
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  // From any thread; `job` must not throw. False when too many wait: it is not done.
  bool post(std::function<void()> job);

 private:
  void loop();

  std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::function<void()>> waiting_;  // guarded by mutex_
  bool stopping_ = false;                      // likewise
  std::vector<std::thread> threads_;
};

}  // namespace hearth
