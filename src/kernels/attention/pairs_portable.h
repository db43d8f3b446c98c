// Pairs: 16-bit integers, two to a lane of F32, and their exact dot products, in plain C++.
//
// The three headers (pairs_portable.h, pairs_avx2.h, pairs_avx512.h) define the same functions on
// as many lanes as F32 has; include the vector's header first. Sums wrap where a slot that nobody
// sees holds garbage; coded.h shows that no seen one does.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace hearth {
namespace {

struct I32 {
  std::int32_t lane[F32::kLanes];
};
struct Pairs {
  std::int16_t element[2 * F32::kLanes];
};

template <class Op>
inline Pairs each_element(Op op) noexcept {
  Pairs out;
  for (std::size_t i = 0; i < 2 * F32::kLanes; ++i) {
    out.element[i] = static_cast<std::int16_t>(op(i));
  }
  return out;
}
inline std::int32_t signed_byte(std::uint8_t x) noexcept { return static_cast<std::int8_t>(x); }

inline I32 zero_sum() noexcept { return {}; }
// sum + a's first * the pair's first + a's second * the pair's second.
inline I32 dot(const I32& sum, const Pairs& a, const std::int16_t* pair) noexcept {
  I32 out;
  for (std::size_t i = 0; i < F32::kLanes; ++i) {
    const std::int32_t both = a.element[2 * i] * pair[0] + a.element[2 * i + 1] * pair[1];
    out.lane[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum.lane[i]) +
                                            static_cast<std::uint32_t>(both));
  }
  return out;
}
inline F32 to_float(const I32& x) noexcept {
  return each([&](std::size_t i) noexcept { return static_cast<float>(x.lane[i]); });
}
// Rounded to nearest even; |x| < 32767.
inline void store_rounded(std::int16_t* to, const F32& x) noexcept {
  for (std::size_t i = 0; i < F32::kLanes; ++i) {
    to[i] =
        static_cast<std::int16_t>(std::bit_cast<std::int32_t>(x.lane[i] + 0x1.8p23f) - 0x4b400000);
  }
}
inline Pairs multiply(const Pairs& a, const Pairs& b) noexcept {
  return each_element([&](std::size_t i) noexcept { return a.element[i] * b.element[i]; });
}
// Signed bytes, as they follow each other.
inline Pairs expand(const std::uint8_t* from) noexcept {
  return each_element([&](std::size_t i) noexcept { return signed_byte(from[i]); });
}
// The levels of low and of high nibbles; levels: 16 signed bytes.
inline void expand_nibbles(const std::uint8_t* from, const std::int8_t* levels, Pairs* low,
                           Pairs* high) noexcept {
  *low = each_element([&](std::size_t i) noexcept { return levels[from[i] & 15]; });
  *high = each_element([&](std::size_t i) noexcept { return levels[from[i] >> 4]; });
}
// kLanes signed bytes, each twice: one a lane.
inline Pairs each_twice(const std::uint8_t* from) noexcept {
  return each_element([&](std::size_t i) noexcept { return signed_byte(from[i / 2]); });
}
// A pair of signed bytes, in every lane.
inline Pairs repeat_pair(const std::uint8_t* from) noexcept {
  return each_element([&](std::size_t i) noexcept { return signed_byte(from[i % 2]); });
}

}  // namespace
}  // namespace hearth
