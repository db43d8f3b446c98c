#include "server/jobs.h"

#include <exception>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace hearth {

Jobs::Jobs(std::size_t threads_max, std::size_t waiting_max)
    : threads_max_(threads_max), waiting_max_(waiting_max) {}

void Jobs::stop() {
  std::vector<std::thread> threads;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  posted_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

bool Jobs::post(std::function<void()> job) {
  const std::scoped_lock lock(mutex_);
  if (stopping_ || waiting_.size() >= waiting_max_) return false;
  add(std::move(job));
  return true;
}

void Jobs::post_always(std::function<void()> job) {
  {
    const std::scoped_lock lock(mutex_);
    if (!stopping_) return add(std::move(job));
  }
  job();
}

void Jobs::add(std::function<void()> job) {
  waiting_.push_back(std::move(job));
  if (waiting_.size() > idle_ && threads_.size() < threads_max_) {
    try {
      threads_.emplace_back([this] { loop(); });
    } catch (const std::system_error&) {
      if (threads_.empty()) throw;  // else those that there are do it
    }
  }
  posted_.notify_one();
}

void Jobs::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    posted_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (waiting_.empty()) return;
    std::function<void()> job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    try {
      job();
    } catch (const std::exception& error) {
      log(LogLevel::kError, error.what());  // memory, most likely; the others go on
    }
    job = nullptr;  // what it holds is let go of without the lock
    lock.lock();
  }
}

}  // namespace hearth
