#include "server/jobs.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>

namespace hearth {
namespace {

TEST(Jobs, DoesAllBeforeItEnds) {
  std::atomic<int> done = 0;
  {
    Jobs jobs(3, 1000);
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(jobs.post([&] { ++done; }));
  }
  EXPECT_EQ(done, 200);
}

TEST(Jobs, AsManyRunAsMay) {
  std::latch all(8);
  Jobs jobs(8, 1000);
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(jobs.post([&] { all.arrive_and_wait(); }));
  }
  all.wait();
}

TEST(Jobs, OneThatThrowsEndsNoOther) {
  int done = 0;
  Jobs jobs(1, 10);
  EXPECT_TRUE(jobs.post([] { throw std::bad_alloc(); }));
  EXPECT_TRUE(jobs.post([&] { ++done; }));
  jobs.stop();
  EXPECT_EQ(done, 1);
}

TEST(Jobs, WhatMustBeDoneIsDone) {
  int done = 0;
  Jobs jobs(1, 0);
  EXPECT_FALSE(jobs.post([&] { ++done; }));
  jobs.post_always([&] { ++done; });
  jobs.stop();
  EXPECT_EQ(done, 1);
  jobs.post_always([&] { ++done; });
  EXPECT_EQ(done, 2);
  EXPECT_FALSE(jobs.post([&] { ++done; }));
}

TEST(Jobs, TakesNoMoreThanMayWait) {
  std::promise<void> go;
  const std::shared_future<void> gate = go.get_future().share();
  std::promise<void> started;
  Jobs jobs(1, 2);
  ASSERT_TRUE(jobs.post([&] {
    started.set_value();
    gate.wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(jobs.post([] {}));
  EXPECT_TRUE(jobs.post([] {}));
  EXPECT_FALSE(jobs.post([] {}));
  go.set_value();
}

}  // namespace
}  // namespace hearth
