// F32: 4 floats in plain C++, for the variants that every machine can run.
//
// The three headers of this folder (portable.h, x86_avx2.h, x86_avx512.h) define one type with one
// set of functions, so that an operation is written once and each lane gets the same numbers
// everywhere. Each is included by one kind of ISA file only; all is in an anonymous namespace,
// because a function compiled with an instruction set's flags must never be the copy that the
// linker keeps for everyone.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/half.h"

namespace hearth {
namespace {

// a * b + c, rounded once. Without the machine's instruction: the product of two floats is exact in
// double (24 + 24 ≤ 53 bits); the sum is rounded to odd (Boldo, Melquiond 2008), which makes the
// second rounding harmless (53 ≥ 24 + 2).
inline float fused(float a, float b, float c) noexcept {
#ifdef __FP_FAST_FMAF
  return __builtin_fmaf(a, b, c);
#else
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const double addend = c;
  const double sum = product + addend;
  const double back = sum - product;
  const double error = (product - (sum - back)) + (addend - back);
  const auto bits = std::bit_cast<std::int64_t>(sum);
  const std::int64_t inexact =
      (error < 0.0 || error > 0.0) ? 1 : 0;  // no for NaN, after an infinite sum
  const std::int64_t even = ~bits & 1;
  const std::int64_t step = ((error > 0.0) == (sum > 0.0)) ? 1 : -1;
  return static_cast<float>(std::bit_cast<double>(bits + (inexact & even) * step));
#endif
}

struct F32 {
  static constexpr std::size_t kLanes = 4;
  float lane[kLanes];
};

template <class Op>
inline F32 each(Op op) noexcept {
  F32 out;
  for (std::size_t i = 0; i < F32::kLanes; ++i) out.lane[i] = op(i);
  return out;
}

inline F32 load(const float* from) noexcept {
  F32 out;
  std::memcpy(out.lane, from, sizeof out.lane);
  return out;
}
inline F32 load(const std::uint16_t* from) noexcept {
  return each([&](std::size_t i) noexcept { return half_to_float(from[i]); });
}
inline void store(float* to, const F32& x) noexcept { std::memcpy(to, x.lane, sizeof x.lane); }
// The first `count` < kLanes elements; absent lanes are 0.
inline F32 load_first(const float* from, std::size_t count) noexcept {
  F32 out{};
  std::memcpy(out.lane, from, count * sizeof(float));
  return out;
}
inline void store_first(float* to, const F32& x, std::size_t count) noexcept {
  std::memcpy(to, x.lane, count * sizeof(float));
}

inline F32 broadcast(float x) noexcept {
  return each([&](std::size_t) noexcept { return x; });
}
// Out of line: it is rare, and the loops around it stay short.
[[gnu::noinline, gnu::unused]] void fuse_each(const F32& a, const F32& b, const F32& c,
                                              F32* out) noexcept {
  *out = each([&](std::size_t i) noexcept { return fused(a.lane[i], b.lane[i], c.lane[i]); });
}

// fused(), a vector at a time. The double sum is within 2^-53 of the exact one: where a step of
// 2^-52 up and down rounds to the same float, that float is it; else (a tie between two floats, or
// NaN) fused() decides.
inline F32 fma(const F32& a, const F32& b, const F32& c) noexcept {
  F32 above;
#ifdef __FP_FAST_FMAF
  for (std::size_t i = 0; i < F32::kLanes; ++i)
    above.lane[i] = fused(a.lane[i], b.lane[i], c.lane[i]);
#else
  F32 below;
  for (std::size_t i = 0; i < F32::kLanes; ++i) {
    const double sum = static_cast<double>(a.lane[i]) * static_cast<double>(b.lane[i]) +
                       static_cast<double>(c.lane[i]);
    const double step = sum * 0x1p-52;
    above.lane[i] = static_cast<float>(sum + step);
    below.lane[i] = static_cast<float>(sum - step);
  }
  int doubtful = 0;
  for (std::size_t i = 0; i < F32::kLanes; ++i) doubtful |= above.lane[i] != below.lane[i];
  if (doubtful != 0) [[unlikely]]
    fuse_each(a, b, c, &above);
#endif
  return above;
}
inline F32 add(const F32& a, const F32& b) noexcept {
  return each([&](std::size_t i) noexcept { return a.lane[i] + b.lane[i]; });
}
inline F32 sub(const F32& a, const F32& b) noexcept {
  return each([&](std::size_t i) noexcept { return a.lane[i] - b.lane[i]; });
}
inline F32 mul(const F32& a, const F32& b) noexcept {
  return each([&](std::size_t i) noexcept { return a.lane[i] * b.lane[i]; });
}
inline F32 div(const F32& a, const F32& b) noexcept {
  return each([&](std::size_t i) noexcept { return a.lane[i] / b.lane[i]; });
}
inline F32 max(const F32& a, const F32& b) noexcept {
  return each(
      [&](std::size_t i) noexcept { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline F32 negate(const F32& a) noexcept {
  return each([&](std::size_t i) noexcept { return -a.lane[i]; });
}
inline F32 negative_magnitude(const F32& a) noexcept {  // -|a|
  return each([&](std::size_t i) noexcept { return a.lane[i] < 0.0f ? a.lane[i] : -a.lane[i]; });
}
// 2^n, of the float 1.5 * 2^23 + n, n in [-126, 127]: n is the integer in its low bits.
inline F32 power_of_two(const F32& shifted) noexcept {
  return each([&](std::size_t i) noexcept {
    return std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted.lane[i]) << 23) +
                                0x3f800000u);
  });
}
// x < limit ? 0 : value
inline F32 zero_below(const F32& value, const F32& x, float limit) noexcept {
  return each([&](std::size_t i) noexcept { return x.lane[i] < limit ? 0.0f : value.lane[i]; });
}
// x < 0 ? a : b
inline F32 if_negative(const F32& x, const F32& a, const F32& b) noexcept {
  return each([&](std::size_t i) noexcept { return x.lane[i] < 0.0f ? a.lane[i] : b.lane[i]; });
}
inline F32 nan_to_infinity(const F32& x) noexcept {
  return each([&](std::size_t i) noexcept {
    return x.lane[i] == x.lane[i] ? x.lane[i] : __builtin_inff();
  });
}
// Lane i keeps its value where begin ≤ base + i < end, else becomes -infinity.
inline F32 keep_range(const F32& x, std::size_t base, std::size_t begin, std::size_t end) noexcept {
  return each([&](std::size_t i) noexcept {
    return base + i >= begin && base + i < end ? x.lane[i] : -__builtin_inff();
  });
}
// a, b: 2 * kLanes elements in memory order; even and odd elements apart, and together again.
inline void unzip(const F32& a, const F32& b, F32* even, F32* odd) noexcept {
  constexpr std::size_t kHalf = F32::kLanes / 2;
  *even = each(
      [&](std::size_t i) noexcept { return i < kHalf ? a.lane[2 * i] : b.lane[2 * (i - kHalf)]; });
  *odd = each([&](std::size_t i) noexcept {
    return i < kHalf ? a.lane[2 * i + 1] : b.lane[2 * (i - kHalf) + 1];
  });
}
inline void zip(const F32& even, const F32& odd, F32* a, F32* b) noexcept {
  constexpr std::size_t kHalf = F32::kLanes / 2;
  *a =
      each([&](std::size_t i) noexcept { return i % 2 == 0 ? even.lane[i / 2] : odd.lane[i / 2]; });
  *b = each([&](std::size_t i) noexcept {
    return i % 2 == 0 ? even.lane[kHalf + i / 2] : odd.lane[kHalf + i / 2];
  });
}

// The fixed tree over 16 lanes: (i, i+8), (i, i+4), (i, i+2), (i, i+1).
template <class Op>
inline float tree(const F32 (&x)[4], Op op) noexcept {
  float by4[4];
  for (std::size_t i = 0; i < 4; ++i) {
    by4[i] = op(op(x[0].lane[i], x[2].lane[i]), op(x[1].lane[i], x[3].lane[i]));
  }
  return op(op(by4[0], by4[2]), op(by4[1], by4[3]));
}
inline float sum16(const F32 (&x)[4]) noexcept {
  return tree(x, [](float a, float b) noexcept { return a + b; });
}
inline float max16(const F32 (&x)[4]) noexcept {
  return tree(x, [](float a, float b) noexcept { return a > b ? a : b; });
}

inline float square_root(float x) noexcept { return __builtin_sqrtf(x); }
// Into the second cache: the first one's few outstanding lines (Zen 4: 24) would be all that are on
// their way from memory at a time.
inline void prefetch(const void* address) noexcept { __builtin_prefetch(address, 0, 2); }
inline std::uint16_t to_half(float x) noexcept { return float_to_half(x); }

}  // namespace
}  // namespace hearth
