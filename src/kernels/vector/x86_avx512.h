// F32: 16 floats in one AVX-512 register (F, DQ, VL; F16C). The functions are those of portable.h,
// lane by lane.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx512_intrinsics.h"

namespace hearth {
namespace {

struct F32 {
  static constexpr std::size_t kLanes = 16;
  __m512 v;
};

inline __mmask16 first_lanes(std::size_t count) noexcept {
  return static_cast<__mmask16>((1u << count) - 1u);
}

inline F32 load(const float* from) noexcept { return {_mm512_loadu_ps(from)}; }
inline F32 load(const std::uint16_t* from) noexcept {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)))};
}
inline void store(float* to, F32 x) noexcept { _mm512_storeu_ps(to, x.v); }
inline F32 load_first(const float* from, std::size_t count) noexcept {
  return {_mm512_maskz_loadu_ps(first_lanes(count), from)};
}
inline void store_first(float* to, F32 x, std::size_t count) noexcept {
  _mm512_mask_storeu_ps(to, first_lanes(count), x.v);
}

inline F32 broadcast(float x) noexcept { return {_mm512_set1_ps(x)}; }
inline F32 fma(F32 a, F32 b, F32 c) noexcept { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline F32 add(F32 a, F32 b) noexcept { return {_mm512_add_ps(a.v, b.v)}; }
inline F32 sub(F32 a, F32 b) noexcept { return {_mm512_sub_ps(a.v, b.v)}; }
inline F32 mul(F32 a, F32 b) noexcept { return {_mm512_mul_ps(a.v, b.v)}; }
inline F32 div(F32 a, F32 b) noexcept { return {_mm512_div_ps(a.v, b.v)}; }
inline F32 max(F32 a, F32 b) noexcept { return {_mm512_max_ps(a.v, b.v)}; }
inline F32 negate(F32 a) noexcept { return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f))}; }
inline F32 negative_magnitude(F32 a) noexcept { return {_mm512_or_ps(a.v, _mm512_set1_ps(-0.0f))}; }
inline F32 power_of_two(F32 shifted) noexcept {
  const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(shifted.v), 23);
  return {_mm512_castsi512_ps(_mm512_add_epi32(exponent, _mm512_set1_epi32(0x3f800000)))};
}
inline F32 zero_below(F32 value, F32 x, float limit) noexcept {
  const __mmask16 keep = _mm512_cmp_ps_mask(x.v, _mm512_set1_ps(limit), _CMP_NLT_UQ);
  return {_mm512_maskz_mov_ps(keep, value.v)};
}
inline F32 if_negative(F32 x, F32 a, F32 b) noexcept {
  const __mmask16 negative = _mm512_cmp_ps_mask(x.v, _mm512_setzero_ps(), _CMP_LT_OQ);
  return {_mm512_mask_mov_ps(b.v, negative, a.v)};
}
inline F32 nan_to_infinity(F32 x) noexcept {
  const __mmask16 unordered = _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q);
  return {_mm512_mask_mov_ps(x.v, unordered, _mm512_set1_ps(__builtin_inff()))};
}
inline F32 keep_range(F32 x, std::size_t base, std::size_t begin, std::size_t end) noexcept {
  const std::uint64_t range = ((std::uint64_t{1} << end) - 1) & ~((std::uint64_t{1} << begin) - 1);
  const auto keep = static_cast<__mmask16>(range >> base);
  return {_mm512_mask_mov_ps(_mm512_set1_ps(-__builtin_inff()), keep, x.v)};
}
inline void unzip(F32 a, F32 b, F32* even, F32* odd) noexcept {
  const __m512i index =
      _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  even->v = _mm512_permutex2var_ps(a.v, index, b.v);
  odd->v = _mm512_permutex2var_ps(a.v, _mm512_add_epi32(index, _mm512_set1_epi32(1)), b.v);
}
inline void zip(F32 even, F32 odd, F32* a, F32* b) noexcept {
  const __m512i index = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  a->v = _mm512_permutex2var_ps(even.v, index, odd.v);
  b->v = _mm512_permutex2var_ps(even.v, _mm512_add_epi32(index, _mm512_set1_epi32(8)), odd.v);
}

inline float sum16(const F32 (&x)[1]) noexcept {
  const __m256 upper = _mm512_extractf32x8_ps(x[0].v, 1);
  const __m256 by8 = _mm256_add_ps(_mm512_castps512_ps256(x[0].v), upper);
  const __m128 by4 = _mm_add_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_add_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_add_ss(by2, _mm_movehdup_ps(by2)));
}
inline float max16(const F32 (&x)[1]) noexcept {
  const __m256 upper = _mm512_extractf32x8_ps(x[0].v, 1);
  const __m256 by8 = _mm256_max_ps(_mm512_castps512_ps256(x[0].v), upper);
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
