// The portable fused multiply-add, one number and a vector, against std::fma bit by bit: where
// rounding twice would go wrong, over random bit patterns, and at the ends of the range.
#include "kernels/vector/portable.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"

namespace hearth {
namespace {

std::uint32_t bits(float x) {
  return std::isnan(x) ? 0x7fc00000u : std::bit_cast<std::uint32_t>(x);
}

void expect_fused(float a, float b, float c) {
  const float want = std::fma(a, b, c);
  ASSERT_EQ(bits(fused(a, b, c)), bits(want)) << a << " * " << b << " + " << c;
  const F32 sum = fma(broadcast(a), broadcast(b), broadcast(c));
  for (const float lane : sum.lane)
    ASSERT_EQ(bits(lane), bits(want)) << a << " * " << b << " + " << c;
}

// (1 + 2^-12)² = 1 + 2^-11 + 2^-24 lies halfway between two floats; the addend is lost in double
// and decides.
TEST(PortableFma, AnAddendTooSmallForADoubleDecidesATie) {
  const float a = 1.0f + 0x1p-12f;
  for (const float sign : {1.0f, -1.0f}) {
    for (const float c : {0x1p-80f, -0x1p-80f, 0x1p-149f, -0x1p-149f, 0.0f}) {
      expect_fused(a, sign * a, c);
      expect_fused(a * 0x1p20f, sign * a, c);
      expect_fused(a * 0x1.8p0f, sign * a, c);
    }
  }
}

TEST(PortableFma, RandomBits) {
  Random random(1);
  for (int i = 0; i < 300000; ++i) {
    const auto number = [&] {
      return std::bit_cast<float>(static_cast<std::uint32_t>(random.next()));
    };
    expect_fused(number(), number(), number());
    // Few bits and near exponents: sums that cancel, ties that are exact.
    const auto few = [&] {
      return std::ldexp(static_cast<float>(random.next() % 8192) - 4096.0f,
                        static_cast<int>(random.next() % 30));
    };
    expect_fused(few(), few(), few());
  }
}

TEST(PortableFma, EndsOfTheRange) {
  const float infinity = std::numeric_limits<float>::infinity(),
              most = std::numeric_limits<float>::max();
  const std::vector<float> ends = {
      0.0f,       -0.0f,           0x1p-149f,
      -0x1p-149f, 0x1p-126f,       0x1.fffffep-127f,
      1.0f,       -1.0f,           most,
      -most,      infinity,        -infinity,
      0x1p-75f,   0x1.000002p-75f, std::numeric_limits<float>::quiet_NaN()};
  for (const float a : ends) {
    for (const float b : ends) {
      for (const float c : ends) expect_fused(a, b, c);
    }
  }
}

}  // namespace
}  // namespace hearth
