// Pairs: 16-bit integers, two to a lane of F32, on AVX2. The functions are those of
// pairs_portable.h.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace hearth {
namespace {

struct I32 {
  __m256i v;
};
struct Pairs {
  __m256i v;
};

inline __m128i load_bytes(const std::uint8_t* from) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

inline I32 zero_sum() noexcept { return {_mm256_setzero_si256()}; }
inline I32 dot(I32 sum, Pairs a, const std::int16_t* pair) noexcept {
  std::int32_t both;
  __builtin_memcpy(&both, pair, sizeof both);
  return {_mm256_add_epi32(sum.v, _mm256_madd_epi16(a.v, _mm256_set1_epi32(both)))};
}
inline F32 to_float(I32 x) noexcept { return {_mm256_cvtepi32_ps(x.v)}; }
inline void store_rounded(std::int16_t* to, F32 x) noexcept {
  const __m256i whole = _mm256_cvtps_epi32(x.v);
  const __m128i narrow =
      _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), narrow);
}
inline Pairs multiply(Pairs a, Pairs b) noexcept { return {_mm256_mullo_epi16(a.v, b.v)}; }
inline Pairs expand(const std::uint8_t* from) noexcept {
  return {_mm256_cvtepi8_epi16(load_bytes(from))};
}
inline void expand_nibbles(const std::uint8_t* from, const std::int8_t* levels, Pairs* low,
                           Pairs* high) noexcept {
  const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(levels));
  const __m128i mask = _mm_set1_epi8(15);
  const __m128i bytes = load_bytes(from);
  low->v = _mm256_cvtepi8_epi16(_mm_shuffle_epi8(table, _mm_and_si128(bytes, mask)));
  high->v =
      _mm256_cvtepi8_epi16(_mm_shuffle_epi8(table, _mm_and_si128(_mm_srli_epi16(bytes, 4), mask)));
}
inline Pairs each_twice(const std::uint8_t* from) noexcept {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
  return {_mm256_cvtepi8_epi16(_mm_unpacklo_epi8(bytes, bytes))};
}
inline Pairs repeat_pair(const std::uint8_t* from) noexcept {
  std::int16_t both;
  __builtin_memcpy(&both, from, sizeof both);
  return {_mm256_cvtepi8_epi16(_mm_set1_epi16(both))};
}

}  // namespace
}  // namespace hearth
