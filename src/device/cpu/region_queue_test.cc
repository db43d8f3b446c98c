#include "device/cpu/region_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace hearth {
namespace {

TEST(RegionQueue, RunsEachJobOnceAndRegionsInOrder) {
  for (const std::size_t threads : {1u, 3u}) {
    ThreadPool pool(threads);
    RegionQueue queue(pool);
    std::vector<std::atomic<int>> runs(100);
    std::atomic<bool> early{false};
    for (int round = 0; round < 3; ++round) {
      auto* all = runs.data();
      queue.add({"test"}, 100, [all](std::size_t job, std::size_t) noexcept {
        // One job is late: the others must wait for it before the next region.
        if (job == 50) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        ++all[job];
      });
      queue.add({"test"}, 0, [all](std::size_t, std::size_t) noexcept { ++all[0]; });
      queue.add({"test"}, 1, [all, &early, round](std::size_t, std::size_t) noexcept {
        for (std::size_t i = 0; i < 100; ++i) early = early || all[i] != round + 1;
      });
      queue.run();
    }
    EXPECT_FALSE(early) << "a region began before the one ahead of it had ended";
    queue.run();
    for (const auto& count : runs) EXPECT_EQ(count, 3);
  }
}

TEST(RegionQueue, OnlyAsManyWorkersAsAllowedTakeJobs) {
  ThreadPool pool(4);
  RegionQueue queue(pool);
  for (const std::size_t allowed : {4u, 1u, 2u, 3u}) {
    queue.limit_workers(allowed);
    std::array<std::atomic<bool>, 4> came{};
    std::atomic<int> runs{0};
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    queue.add({"test"}, 30, [&, allowed, end](std::size_t, std::size_t worker) noexcept {
      came[worker] = true;
      const auto missing = [&] { return std::find(came.begin(), came.begin() + allowed, false); };
      while (missing() != came.begin() + allowed && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // time for others to come
      ++runs;
    });
    queue.run();
    for (std::size_t w = 0; w < 4; ++w)
      EXPECT_EQ(came[w], w < allowed) << "worker " << w << " of " << allowed << " allowed";
    EXPECT_EQ(runs, 30);
  }
}

// One job: the worker that does it is busy all the time, the mean of two half of it.
TEST(RegionQueue, BusyTimeIsTheMeanOfTheAllowedWorkers) {
  ThreadPool pool(2);
  RegionQueue queue(pool);
  for (const std::size_t allowed : {1u, 2u}) {
    queue.limit_workers(allowed);
    queue.record(true);
    queue.add({"test"}, 1, [](std::size_t, std::size_t) noexcept {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    });
    queue.run();
    ASSERT_EQ(queue.times().size(), 1u);
    const double busy = queue.times()[0].busy_seconds * static_cast<double>(allowed);
    EXPECT_GT(busy, 0.099);
    EXPECT_LE(busy, queue.times()[0].seconds);
  }
}

// Jobs 0 and 2 begin the shares of two workers: each waits until the other has begun.
TEST(RegionQueue, AWorkerTakesItsOwnShareFirst) {
  ThreadPool pool(2);
  RegionQueue queue(pool);
  std::atomic<int> begun{0};
  std::array<std::atomic<std::size_t>, 4> worker_of{};
  queue.add({"test"}, 4, [&](std::size_t job, std::size_t worker) noexcept {
    worker_of[job] = worker;
    if (job % 2 != 0) return;
    ++begun;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (begun < 2 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  });
  queue.run();
  EXPECT_EQ(begun, 2);
  EXPECT_EQ(worker_of[0], 0u);
  EXPECT_EQ(worker_of[2], 1u);
}

struct FetchingJob {
  std::vector<int>* seen;  // fetched jobs, then -1 for one that ran
  void fetch(std::size_t job) const noexcept { seen->push_back(static_cast<int>(job)); }
  void operator()(std::size_t, std::size_t) const noexcept { seen->push_back(-1); }
};

TEST(RegionQueue, FetchesForTheNextRegion) {
  ThreadPool pool(1);
  RegionQueue queue(pool);
  std::vector<int> seen;
  for (int region = 0; region < 2; ++region) queue.add({"test"}, 2, FetchingJob{&seen});
  queue.run();
  EXPECT_EQ(seen, (std::vector<int>{-1, -1, 0, -1, -1}));
}

TEST(RegionQueue, ForgetsWhatWasCleared) {
  ThreadPool pool(2);
  RegionQueue queue(pool);
  std::atomic<int> runs{0};
  queue.add({"test"}, 5, [&runs](std::size_t, std::size_t) noexcept { runs += 100; });
  queue.clear();
  queue.add({"test"}, 5, [&runs](std::size_t, std::size_t) noexcept { ++runs; });
  queue.run();
  EXPECT_EQ(runs, 5);
}

}  // namespace
}  // namespace hearth
