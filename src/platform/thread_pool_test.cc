#include "platform/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "base/error.h"

namespace hearth {
namespace {

#ifndef HEARTH_SANITIZE  // sanitizers need more address space than the limit below leaves
TEST(ThreadPool, SaysSoWhenTheSystemStartsNoMoreThreads) {
  const auto ask_for_too_many = [] {
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max = std::size_t{1} << 30;  // a thread takes 8 MiB of addresses
    ::setrlimit(RLIMIT_AS, &limit);
    try {
      ThreadPool pool(100'000);
    } catch (const Error& error) {
      std::exit(error.code() == ErrorCode::kResourceExhausted ? 7 : 1);
    }
    std::exit(0);
  };
  EXPECT_EXIT(ask_for_too_many(), testing::ExitedWithCode(7), "");
}
#endif

TEST(ThreadPool, EveryWorkerRunsOncePerRun) {
  for (std::size_t threads = 1; threads <= 4; ++threads) {
    ThreadPool pool(threads);
    std::vector<int> calls(threads, 0);
    for (int round = 0; round < 100; ++round) {
      pool.run([&](std::size_t worker) { ++calls[worker]; });
    }
    EXPECT_EQ(calls, std::vector<int>(threads, 100));
  }
}

// Between two barriers every worker sees what every other wrote before the first.
TEST(ThreadPool, BarrierOrdersPhases) {
  constexpr int kPhases = 1000;
  ThreadPool pool(4);
  std::vector<int> phase_of(4, 0);
  std::atomic<int> torn{0};
  pool.run([&](std::size_t worker) {
    for (int phase = 1; phase <= kPhases; ++phase) {
      phase_of[worker] = phase;
      pool.barrier();
      for (const int seen : phase_of) torn += seen != phase;
      pool.barrier();
    }
  });
  EXPECT_EQ(torn, 0);
}

// Sleeping workers wake up: the pause is longer than the spin.
TEST(ThreadPool, WakesAfterIdling) {
  ThreadPool pool(2);
  std::atomic<int> calls{0};
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    pool.run([&](std::size_t) { ++calls; });
  }
  EXPECT_EQ(calls, 6);
}

}  // namespace
}  // namespace hearth
