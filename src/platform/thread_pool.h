// ThreadPool: the process's compute threads. The caller of run() is worker 0; the others spin for a
// moment between runs, then sleep in the kernel. One run at a time; runs from two threads take
// turns.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hearth {

class ThreadPool {
 public:
  // threads ≥ 1, the caller included. Throws kResourceExhausted where the system starts no more.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t size() const noexcept { return threads_.size() + 1; }

  // Calls work(worker) once on each of the size() workers and returns when all are back. work must
  // not throw.
  void run(const std::function<void(std::size_t worker)>& work);

  // For use inside run(): returns when all workers have arrived.
  void barrier() noexcept;

 private:
  void loop(std::size_t worker);
  void stop() noexcept;

  std::vector<std::thread> threads_;
  std::mutex turn_;
  const std::function<void(std::size_t)>* work_ = nullptr;
  bool stopping_ = false;
  // Each counter has a cache line of its own: one is written while others are spun on.
  alignas(64) std::atomic<std::uint32_t> generation_{0};  // a new run began
  alignas(64) std::atomic<std::uint32_t> arrived_{0};     // workers at the barrier
  alignas(64) std::atomic<std::uint32_t> phase_{0};       // barriers passed
};

}  // namespace hearth
