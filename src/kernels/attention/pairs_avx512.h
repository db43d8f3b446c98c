// Pairs: 16-bit integers, two to a lane of F32, on AVX-512 (BW, VL, VNNI). The functions are those
// of pairs_portable.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hearth {
namespace {

struct I32 {
  __m512i v;
};
struct Pairs {
  __m512i v;
};

inline __m256i load_bytes(const std::uint8_t* from) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

inline I32 zero_sum() noexcept { return {_mm512_setzero_si512()}; }
inline I32 dot(I32 sum, Pairs a, const std::int16_t* pair) noexcept {
  std::int32_t both;
  __builtin_memcpy(&both, pair, sizeof both);
  const __m512i b = _mm512_set1_epi32(both);
  // Not the intrinsic: GCC 12 copies its operand and spills the sums of a tile.
  __asm__("vpdpwssd %2, %1, %0" : "+v"(sum.v) : "v"(a.v), "v"(b));
  return sum;
}
inline F32 to_float(I32 x) noexcept { return {_mm512_cvtepi32_ps(x.v)}; }
inline void store_rounded(std::int16_t* to, F32 x) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(x.v)));
}
inline Pairs multiply(Pairs a, Pairs b) noexcept { return {_mm512_mullo_epi16(a.v, b.v)}; }
inline Pairs expand(const std::uint8_t* from) noexcept {
  return {_mm512_cvtepi8_epi16(load_bytes(from))};
}
inline void expand_nibbles(const std::uint8_t* from, const std::int8_t* levels, Pairs* low,
                           Pairs* high) noexcept {
  const __m256i table =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(levels)));
  const __m256i mask = _mm256_set1_epi8(15);
  const __m256i bytes = load_bytes(from);
  low->v = _mm512_cvtepi8_epi16(_mm256_shuffle_epi8(table, _mm256_and_si256(bytes, mask)));
  high->v = _mm512_cvtepi8_epi16(
      _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask)));
}
inline Pairs each_twice(const std::uint8_t* from) noexcept {
  const __m256i bytes =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  const __m256i twice =
      _mm256_setr_epi8(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7,  //
                       8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
  return {_mm512_cvtepi8_epi16(_mm256_shuffle_epi8(bytes, twice))};
}
inline Pairs repeat_pair(const std::uint8_t* from) noexcept {
  std::int16_t both;
  __builtin_memcpy(&both, from, sizeof both);
  return {_mm512_cvtepi8_epi16(_mm256_set1_epi16(both))};
}

}  // namespace
}  // namespace hearth
