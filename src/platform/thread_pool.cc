#include "platform/thread_pool.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <string>
#include <system_error>

#include "base/check.h"
#include "base/error.h"

namespace hearth {
namespace {

// About 50 µs of spinning on a 3 GHz core (a pause takes 40 to 140 cycles), longer than the gap
// between two steps of a generation and shorter than anything a person notices; then the kernel is
// asked to wake us.
constexpr int kSpins = 2000;

void pause() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Returns when `value` is no longer `old`.
void wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) noexcept {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(std::size_t threads) {
  CHECK(threads >= 1);
  threads_.reserve(threads - 1);
  try {
    for (std::size_t worker = 1; worker < threads; ++worker) {
      threads_.emplace_back([this, worker] { loop(worker); });
    }
  } catch (const std::system_error& refused) {
    const std::size_t started = size();
    stop();
    throw Error(ErrorCode::kResourceExhausted, "the system starts " + std::to_string(started) +
                                                   " of " + std::to_string(threads) + " threads (" +
                                                   refused.what() + "): ask for fewer");
  } catch (...) {
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() noexcept {
  stopping_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ThreadPool::run(const std::function<void(std::size_t)>& work) {
  const std::lock_guard turn(turn_);
  work_ = &work;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  work(0);
  barrier();
}

void ThreadPool::loop(std::size_t worker) {
  for (std::uint32_t seen = 0;; ++seen) {
    wait_for_change(generation_, seen);
    if (stopping_) return;
    (*work_)(worker);
    barrier();
  }
}

void ThreadPool::barrier() noexcept {
  const std::uint32_t phase = phase_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size()) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.fetch_add(1, std::memory_order_release);
    phase_.notify_all();
  } else {
    wait_for_change(phase_, phase);
  }
}

}  // namespace hearth
