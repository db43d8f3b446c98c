#include "cli/progress_line.h"

#include <gtest/gtest.h>

#include "store/download.h"

namespace hearth {
namespace {

TEST(ProgressLine, TheBarFitsTheTerminal) {
  const PullProgress progress{
      PullStage::kDownloading, "model.gguf from hub", 41'000'000, 98'000'000, 12'000'000, 4.75};
  EXPECT_EQ(render_bar(progress, 120),
            "downloading model.gguf from hub  41 % [########            ] 41.0 MB of 98.0 MB, "
            "12.0 MB/s, 5 s left");
  for (int columns = 1; columns < 130; ++columns) {
    EXPECT_LT(static_cast<int>(render_bar(progress, columns).size()), columns);
  }
}

TEST(ProgressLine, UnknownTotalsHaveNoBar) {
  const PullProgress waiting{PullStage::kWaiting, "m", 5'000, 0, 0, 0};
  EXPECT_EQ(render_bar(waiting, 80), "waiting for another pull m  5.00 kB");
  const PullProgress beyond{PullStage::kFetchingWheel, "m", 20, 10, 0, 0};
  EXPECT_NE(render_bar(beyond, 80).find("100 % [####################]"), std::string::npos);
}

TEST(ProgressMeter, RateAndTimeLeft) {
  auto now = ProgressMeter::Clock::time_point{};
  std::vector<PullProgress> seen;
  ProgressMeter meter([&](const PullProgress& progress) { seen.push_back(progress); },
                      [&] { return now; });
  meter.begin(PullStage::kDownloading, "m", 1000, 10'000);  // 1000 were there: no part of the rate
  for (int i = 1; i <= 5; ++i) {
    now += std::chrono::seconds(1);
    meter.set_done(1000 + static_cast<std::uint64_t>(i) * 500);
  }
  EXPECT_EQ(seen.size(), 6u);
  EXPECT_NEAR(seen.back().bytes_per_second, 500, 1);
  EXPECT_NEAR(seen.back().seconds_left, 13, 0.1);
  for (int i = 0; i < 100; ++i) meter.set_done(4000);
  EXPECT_EQ(seen.size(), 6u);  // no time passed
}

TEST(FormatBytes, DecimalUnits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(98'362'432), "98.4 MB");
  EXPECT_EQ(format_bytes(1'117'320'768), "1.12 GB");
  EXPECT_EQ(format_bytes(999'999'999), "1.00 GB");
}

}  // namespace
}  // namespace hearth
