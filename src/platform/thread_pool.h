// ThreadPool: the process's compute threads. The caller of run() or share() is worker 0; the others
// spin for a moment between calls, then sleep in the kernel. Those that a call does not want sleep
// at once, until a call wants them again. One call at a time; calls from two threads take turns.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hearth {

// Returns when `value` is no longer `old`: spins, then offers the core, then sleeps. Whoever
// changes the value calls its notify_all().
void wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) noexcept;

class ThreadPool {
 public:
  // threads ≥ 1, the caller included. Throws kResourceExhausted where the system starts no more.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t size() const noexcept { return threads_.size() + 1; }

  using Work = std::function<void(std::size_t worker)>;
  // Calls work(worker) once on each of the size() workers and returns when all are back. work must
  // not throw.
  void run(const Work& work) { call(work, size(), true); }
  // Calls work on the caller, and once on each other of the first `workers` workers that comes
  // before the caller is through; returns when those are back. On a busy machine, workers that the
  // system does not let run are not waited for: work that is taken piece by piece is done by those
  // that are there.
  void share(const Work& work, std::size_t workers) { call(work, workers, false); }
  void share(const Work& work) { share(work, size()); }

 private:
  void call(const Work& work, std::size_t workers, bool everyone);
  void want(std::size_t workers) noexcept;
  void loop(std::size_t worker);
  bool enter() noexcept;
  void leave() noexcept;
  void stop() noexcept;

  std::vector<std::thread> threads_;
  std::mutex turn_;
  const Work* work_ = nullptr;
  std::atomic<bool> stopping_{false};
  // Calls made (16 bits), whether the door is open to workers, and how many are inside (15 bits).
  alignas(64) std::atomic<std::uint32_t> door_{0};
  // Workers that have come in during this call.
  alignas(64) std::atomic<std::uint32_t> came_{0};
  // Workers that the call at hand wants, or the last one did.
  alignas(64) std::atomic<std::uint32_t> wanted_;
};

}  // namespace hearth
