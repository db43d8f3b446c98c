// Jobs: threads for what blocks: templates, tokenizing, loads, SQLite, pulls. They are started as
// they are wanted, up to a limit, and stay.
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
  Jobs(std::size_t threads_max, std::size_t waiting_max);
  ~Jobs() { stop(); }
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  // From any thread; `job` must not throw. False when too many wait: it is not done.
  bool post(std::function<void()> job);
  // However many wait. After stop(), done at once.
  void post_always(std::function<void()> job);
  // Does what waits, then ends the threads; one caller.
  void stop();

 private:
  void loop();
  void add(std::function<void()> job);  // under the lock

  std::size_t threads_max_, waiting_max_;
  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::function<void()>> waiting_;  // guarded by mutex_
  bool stopping_ = false;                      // likewise
  std::vector<std::thread> threads_;           // likewise
  std::size_t idle_ = 0;                       // likewise: threads that wait for a job
};

}  // namespace hearth
