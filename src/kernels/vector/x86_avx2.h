// F32: 8 floats in one AVX register (AVX2, FMA, F16C). The functions are those of portable.h, lane
// by lane.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace hearth {
namespace {

struct F32 {
  static constexpr std::size_t kLanes = 8;
  __m256 v;
};

inline __m256i lane_numbers() noexcept { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
inline __m256i first_lanes(std::size_t count) noexcept {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lane_numbers());
}

inline F32 load(const float* from) noexcept { return {_mm256_loadu_ps(from)}; }
inline F32 load(const std::uint16_t* from) noexcept {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)))};
}
inline void store(float* to, F32 x) noexcept { _mm256_storeu_ps(to, x.v); }
inline F32 load_first(const float* from, std::size_t count) noexcept {
  return {_mm256_maskload_ps(from, first_lanes(count))};
}
inline void store_first(float* to, F32 x, std::size_t count) noexcept {
  _mm256_maskstore_ps(to, first_lanes(count), x.v);
}

inline F32 broadcast(float x) noexcept { return {_mm256_set1_ps(x)}; }
inline F32 fma(F32 a, F32 b, F32 c) noexcept { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline F32 add(F32 a, F32 b) noexcept { return {_mm256_add_ps(a.v, b.v)}; }
inline F32 sub(F32 a, F32 b) noexcept { return {_mm256_sub_ps(a.v, b.v)}; }
inline F32 mul(F32 a, F32 b) noexcept { return {_mm256_mul_ps(a.v, b.v)}; }
inline F32 div(F32 a, F32 b) noexcept { return {_mm256_div_ps(a.v, b.v)}; }
inline F32 max(F32 a, F32 b) noexcept { return {_mm256_max_ps(a.v, b.v)}; }
inline F32 negate(F32 a) noexcept { return {_mm256_xor_ps(a.v, _mm256_set1_ps(-0.0f))}; }
inline F32 negative_magnitude(F32 a) noexcept { return {_mm256_or_ps(a.v, _mm256_set1_ps(-0.0f))}; }
inline F32 power_of_two(F32 shifted) noexcept {
  const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(shifted.v), 23);
  return {_mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(0x3f800000)))};
}
inline F32 zero_below(F32 value, F32 x, float limit) noexcept {
  return {_mm256_and_ps(_mm256_cmp_ps(x.v, _mm256_set1_ps(limit), _CMP_NLT_UQ), value.v)};
}
inline F32 if_negative(F32 x, F32 a, F32 b) noexcept {
  return {_mm256_blendv_ps(b.v, a.v, _mm256_cmp_ps(x.v, _mm256_setzero_ps(), _CMP_LT_OQ))};
}
inline F32 nan_to_infinity(F32 x) noexcept {
  const __m256 infinity = _mm256_set1_ps(__builtin_inff());
  return {_mm256_blendv_ps(x.v, infinity, _mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q))};
}
inline F32 keep_range(F32 x, std::size_t base, std::size_t begin, std::size_t end) noexcept {
  const __m256i index = _mm256_add_epi32(lane_numbers(), _mm256_set1_epi32(static_cast<int>(base)));
  const __m256i before = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(begin)), index);
  const __m256i inside = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(end)), index);
  const __m256 keep = _mm256_castsi256_ps(_mm256_andnot_si256(before, inside));
  return {_mm256_blendv_ps(_mm256_set1_ps(-__builtin_inff()), x.v, keep)};
}
// Pairs of 64 bits {0, 2, 1, 3}: undoes what shuffling within 128-bit halves leaves crossed.
inline __m256 uncross(__m256 x) noexcept {
  return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), 0xd8));
}
inline void unzip(F32 a, F32 b, F32* even, F32* odd) noexcept {
  even->v = uncross(_mm256_shuffle_ps(a.v, b.v, 0x88));
  odd->v = uncross(_mm256_shuffle_ps(a.v, b.v, 0xdd));
}
inline void zip(F32 even, F32 odd, F32* a, F32* b) noexcept {
  const __m256 low = _mm256_unpacklo_ps(even.v, odd.v);
  const __m256 high = _mm256_unpackhi_ps(even.v, odd.v);
  a->v = _mm256_permute2f128_ps(low, high, 0x20);
  b->v = _mm256_permute2f128_ps(low, high, 0x31);
}

inline float sum16(const F32 (&x)[2]) noexcept {
  const __m256 by8 = _mm256_add_ps(x[0].v, x[1].v);
  const __m128 by4 = _mm_add_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_add_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_add_ss(by2, _mm_movehdup_ps(by2)));
}
inline float max16(const F32 (&x)[2]) noexcept {
  const __m256 by8 = _mm256_max_ps(x[0].v, x[1].v);
  const __m128 by4 = _mm_max_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_max_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_max_ss(by2, _mm_movehdup_ps(by2)));
}

inline float square_root(float x) noexcept { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }
inline void prefetch(const void* address) noexcept {
  _mm_prefetch(static_cast<const char*>(address), _MM_HINT_T1);
}
inline std::uint16_t to_half(float x) noexcept {
  return static_cast<std::uint16_t>(_cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT));
}

}  // namespace
}  // namespace hearth
