#include "kernels/probe/probe.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "platform/memory.h"

namespace hearth {
namespace {

TEST(Probe, EveryReaderReadsEveryWord) {
  const PageBuffer buffer(64 * 1024);
  std::size_t want = 0;
  for (std::size_t i = 0; i < buffer.size() / 8; ++i) {
    const std::size_t word = i * 0x9e3779b97f4a7c15u;
    std::memcpy(buffer.data() + 8 * i, &word, 8);
    want += word;
  }
  for (const ReadProbe& probe : read_probes()) {
    if (!isa_supported(probe.isa)) continue;
    EXPECT_EQ(probe.read(buffer.data(), buffer.size()), want) << isa_name(probe.isa);
  }
}

// A core does between 1 and 4096 int8 operations per cycle, at 0.5 to 10 GHz: a probe that the
// compiler emptied, or that counts wrongly by far, falls outside.
TEST(Probe, PeakIsThatOfARealMachine) {
  ThreadPool pool(1);
  for (const Isa isa : {Isa::kAvx2, Isa::kAvx2Vnni, Isa::kAvx512Vnni}) {
    if (!isa_supported(isa)) continue;
    const double gops = int8_peak_gops(isa, pool, 0.02);
    EXPECT_GT(gops, 1) << isa_name(isa);
    EXPECT_LT(gops, 4096 * 10) << isa_name(isa);
  }
  EXPECT_EQ(int8_peak_gops(Isa::kPortable, pool, 0.01), 0);
}

TEST(Probe, BandwidthIsMeasuredOnAnyNumberOfThreads) {
  const PageBuffer buffer(8 << 20);
  for (const std::size_t threads : {1u, 2u, 3u}) {
    ThreadPool pool(threads);
    const double gbps = read_bandwidth_gbps({buffer.data(), buffer.size()}, pool, 0.01);
    EXPECT_GT(gbps, 0.01) << threads;
    EXPECT_LT(gbps, 10000) << threads;
  }
}

}  // namespace
}  // namespace hearth
