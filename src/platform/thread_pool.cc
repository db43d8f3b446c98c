#include "platform/thread_pool.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <chrono>
#include <string>
#include <system_error>
#include <thread>

#include "base/check.h"
#include "base/error.h"

namespace hearth {
namespace {

// About 50 µs of spinning on a 3 GHz core (a pause takes 40 to 140 cycles), longer than most waits
// within a step and than the gap between two.
constexpr int kSpins = 2000;
// Then the core is offered to others, but the thread stays ready to run: on a busy machine, one
// that sleeps for a moment and is woken again is put on its waker's core, and two workers that
// share a core wait for each other at every region (smollm2 beside two compilers: 25 tokens/s for
// 95).
constexpr auto kYieldTime = std::chrono::milliseconds(2);

void pause() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

constexpr std::uint32_t kCall = 1u << 16, kOpen = 1u << 15, kInside = kOpen - 1;

std::uint32_t call_of(std::uint32_t door) noexcept { return door / kCall; }
constexpr std::uint32_t kNoCall = 1u << 16;  // above what 16 bits count

}  // namespace

void wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) noexcept {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  const auto end = std::chrono::steady_clock::now() + kYieldTime;
  while (std::chrono::steady_clock::now() < end) {
    if (value.load(std::memory_order_acquire) != old) return;
    std::this_thread::yield();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

ThreadPool::ThreadPool(std::size_t threads) : wanted_(static_cast<std::uint32_t>(threads)) {
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
  want(size());
  door_.fetch_add(kCall, std::memory_order_release);
  door_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

// Only between two calls, while the door is closed.
void ThreadPool::want(std::size_t workers) noexcept {
  if (wanted_.load(std::memory_order_relaxed) == workers) return;
  wanted_.store(static_cast<std::uint32_t>(workers), std::memory_order_release);
  wanted_.notify_all();
}

void ThreadPool::call(const Work& work, std::size_t workers, bool everyone) {
  const std::lock_guard turn(turn_);
  want(workers);
  work_ = &work;
  came_.store(0, std::memory_order_relaxed);
  door_.fetch_add(kCall | kOpen, std::memory_order_release);
  door_.notify_all();
  work(0);
  if (everyone) {
    for (std::uint32_t came = came_; came != threads_.size(); came = came_) {
      wait_for_change(came_, came);
    }
  }
  std::uint32_t door = door_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
  while ((door & kInside) != 0) {
    wait_for_change(door_, door);
    door = door_.load(std::memory_order_acquire);
  }
}

bool ThreadPool::enter() noexcept {
  std::uint32_t door = door_.load(std::memory_order_acquire);
  while ((door & kOpen) != 0) {
    if (door_.compare_exchange_weak(door, door + 1, std::memory_order_acq_rel)) {
      came_.fetch_add(1, std::memory_order_acq_rel);
      came_.notify_all();
      return true;
    }
  }
  return false;
}

void ThreadPool::leave() noexcept {
  const std::uint32_t door = door_.fetch_sub(1, std::memory_order_acq_rel) - 1;
  if ((door & (kOpen | kInside)) == 0) door_.notify_all();
}

void ThreadPool::loop(std::size_t worker) {
  // The last call this worker came to, or came too late for; kNoCall after a sleep, in which the
  // count of calls may have come round to the same.
  std::uint32_t seen = 0;
  for (;;) {
    std::uint32_t wanted = wanted_.load(std::memory_order_acquire);
    while (wanted <= worker) {
      wanted_.wait(wanted, std::memory_order_acquire);
      wanted = wanted_.load(std::memory_order_acquire);
      seen = kNoCall;
    }
    // Whoever sees a call's wanted_ also sees that the door was closed to the call before it.
    std::uint32_t door = door_.load(std::memory_order_acquire);
    while (call_of(door) == seen) {
      wait_for_change(door_, door);
      door = door_.load(std::memory_order_acquire);
    }
    if (stopping_) return;
    const bool inside = enter();
    // The door cannot be opened to another call while someone is inside.
    seen = call_of(inside ? door_.load(std::memory_order_acquire) : door);
    if (!inside) continue;
    // So inside, work_ and wanted_ are this call's: they were set before enter() saw its door open.
    // A worker it does not want had looked at an earlier call's wanted_, and sleeps next.
    if (worker < wanted_.load(std::memory_order_relaxed)) (*work_)(worker);
    leave();
  }
}

}  // namespace hearth
