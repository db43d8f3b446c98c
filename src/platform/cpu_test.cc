#include "platform/cpu.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <thread>

namespace hearth {
namespace {

TEST(Cpu, FeaturesAreThoseTheKernelLists) {
  std::string flags;
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; flags.empty() && std::getline(info, line);)
    if (line.rfind("flags", 0) == 0) flags = line + " ";
  if (flags.empty()) GTEST_SKIP() << "/proc/cpuinfo lists no x86 flags here";
  const auto listed = [&](const std::string& name) {
    return flags.find(" " + name + " ") != std::string::npos;
  };
  const CpuFeatures& features = cpu_features();
  const bool avx2 = listed("avx2") && listed("fma") && listed("f16c");
  const bool avx512 =
      avx2 && listed("avx512f") && listed("avx512bw") && listed("avx512dq") && listed("avx512vl");
  EXPECT_EQ(features.avx2, avx2);
  EXPECT_EQ(features.avx_vnni, avx2 && listed("avx_vnni"));
  EXPECT_EQ(features.avx512, avx512);
  EXPECT_EQ(features.avx512_vnni, avx512 && listed("avx512_vnni"));
  EXPECT_EQ(features.avx512_bf16, avx512 && listed("avx512_bf16"));
}

TEST(Cpu, BrandIsTrimmed) {
  const std::string brand = cpu_brand();
  ASSERT_FALSE(brand.empty());
  EXPECT_NE(brand.front(), ' ');
  EXPECT_NE(brand.back(), ' ');
  EXPECT_EQ(brand.find('\0'), std::string::npos);
}

TEST(Cpu, QuotaRoundsUpAndRefusesNonsense) {
  EXPECT_EQ(cores_of_quota("200000 100000"), 2u);
  EXPECT_EQ(cores_of_quota("150000 100000"), 2u);
  EXPECT_EQ(cores_of_quota("1000 100000"), 1u);
  EXPECT_EQ(cores_of_quota("18446744073709551615 1"), std::size_t{18446744073709551615u});
  for (const char* text : {"max 100000", "-1 100000", "", "100000", "100000 ", "100000 0", "0 5",
                           "99999999999999999999999 1", "1x 2"})
    EXPECT_EQ(cores_of_quota(text), 0u) << text;
}

TEST(Cpu, AffinityLimitsTheCores) {
  std::thread([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(usable_cores(), 1u);
  }).join();
  EXPECT_GE(usable_cores(), 1u);
  EXPECT_LE(usable_cores(), std::max(1u, std::thread::hardware_concurrency()));
}

}  // namespace
}  // namespace hearth
