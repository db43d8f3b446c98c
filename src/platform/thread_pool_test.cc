#include "platform/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
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

// Nobody comes twice, nobody is missed who came, and no call sees a worker of another.
TEST(ThreadPool, SharedWorkIsDoneByThoseWhoCome) {
  ThreadPool pool(4);
  for (int round = 0; round < 2000; ++round) {
    std::vector<int> calls(4, 0);
    std::atomic<int> inside{0};
    pool.share([&](std::size_t worker) {
      ++inside;
      ++calls[worker];
      --inside;
    });
    ASSERT_EQ(inside, 0);
    ASSERT_EQ(calls[0], 1);
    for (const int count : calls) ASSERT_LE(count, 1);
  }
}

// A caller that takes long finds the others beside it.
TEST(ThreadPool, SharedWorkIsJoinedByEveryWorkerInTime) {
  ThreadPool pool(3);
  std::atomic<int> came{0};
  pool.share([&](std::size_t) {
    ++came;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (came != 3 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  });
  EXPECT_EQ(came, 3);
}

TEST(ThreadPool, RunAndShareTakeTurns) {
  ThreadPool pool(3);
  std::atomic<int> run{0}, shared{0};
  for (int round = 0; round < 1000; ++round) {
    pool.run([&](std::size_t) { ++run; });
    pool.share([&](std::size_t) { ++shared; });
  }
  EXPECT_EQ(run, 3000);
  EXPECT_GE(shared, 1000);
  EXPECT_LE(shared, 3000);
}

// A pool that waits for its next call costs less than 1 % of a core.
TEST(ThreadPool, IdlesWithoutACore) {
  ThreadPool pool(4);
  pool.run([](std::size_t) {});
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const double seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(seconds, 0.01 * 3) << "of three waiting workers, in a second";
}

// Of four workers, calls that want one leave three asleep, however often they come.
TEST(ThreadPool, UnwantedWorkersCostNothing) {
  ThreadPool pool(4);
  pool.run([](std::size_t) {});
  pool.share([](std::size_t) {}, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const std::clock_t before = std::clock();
  for (int call = 0; call < 250; ++call) {
    pool.share([](std::size_t) {}, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(4));
  }
  const double seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(seconds, 0.05) << "of 250 calls; three workers that wait for each spend 1.5 seconds";
}

// Whatever the calls before it wanted, a call is joined by the workers it wants and by no other.
TEST(ThreadPool, OnlyWantedWorkersCome) {
  ThreadPool pool(4);
  for (int round = 0; round < 50; ++round) {
    for (const std::size_t wanted : {4u, 1u, 3u, 2u}) {
      std::atomic<std::size_t> came{0};
      std::atomic<bool> unwanted{false};
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      pool.share(
          [&](std::size_t worker) {
            if (worker >= wanted) unwanted = true;
            ++came;
            while (came < wanted && std::chrono::steady_clock::now() < end)
              std::this_thread::yield();
          },
          wanted);
      ASSERT_EQ(came, wanted);
      ASSERT_FALSE(unwanted) << "of " << wanted << " wanted workers";
    }
  }
}

// Calls are counted in 16 bits: workers that slept through as many come to the next all the same.
TEST(ThreadPool, WorkersThatSleptThroughAllCountsCome) {
  ThreadPool pool(4);
  const auto pause = std::chrono::milliseconds(20);
  for (int round = 0; round < 4; ++round) {  // one that wakes before the door opens comes anyway
    pool.run([](std::size_t) {});
    std::this_thread::sleep_for(pause);  // they wait for the next call
    pool.share([](std::size_t) {}, 1);
    std::this_thread::sleep_for(pause);  // they have seen that this one does not want them
    for (int call = 1; call < 1 << 16; ++call) pool.share([](std::size_t) {}, 1);
    std::atomic<int> came{0};
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    pool.share([&](std::size_t) {
      ++came;
      while (came != 4 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    });
    ASSERT_EQ(came, 4);
  }
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
