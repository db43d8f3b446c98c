#include "device/cpu/region_queue.h"

#include <gtest/gtest.h>

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
  for (const std::size_t allowed : {1u, 2u, 4u}) {
    queue.limit_workers(allowed);
    std::atomic<std::size_t> most{0}, runs{0};
    for (int round = 0; round < 20; ++round) {
      queue.add({"test"}, 50, [&](std::size_t, std::size_t worker) noexcept {
        most = std::max<std::size_t>(most, worker + 1);
        ++runs;
      });
      queue.run();
    }
    EXPECT_LE(most, allowed);
    EXPECT_EQ(runs, 1000u);
  }
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
