// AVX-512 with VNNI: 16 output rows per vector, 4 products per lane and instruction.

#include <cstddef>
#include <cstdint>

#include "kernels/avx512_intrinsics.h"
#include "kernels/matmul/activation.h"
#include "kernels/matmul/variants.h"
#include "kernels/matmul/weight_format.h"

namespace hearth {
namespace {

struct P {
  using Int = __m512i;
  using Float = __m512;
  static constexpr std::size_t kRows = 16;
  static constexpr std::size_t kTile = 12;       // 12 sums and 12 dots of the 32 registers
  static constexpr std::size_t kFloatTile = 12;  // 24 sums, 2 weights and a factor of 32 registers

  static Int load(const void* at) noexcept { return _mm512_loadu_si512(at); }
  static Float load_f32(const void* at) noexcept { return _mm512_loadu_ps(at); }
  static Float load_f16(const void* at) noexcept {
    return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(at)));
  }
  static void store(void* at, Int value) noexcept { _mm512_storeu_si512(at, value); }
  static void store(void* at, Float value) noexcept { _mm512_storeu_ps(at, value); }
  static Float broadcast(const void* at) noexcept {
    return _mm512_set1_ps(*static_cast<const float*>(at));
  }
  static Int broadcast_int(const void* at) noexcept {
    return _mm512_set1_epi32(*static_cast<const std::int32_t*>(at));
  }
  static Float zero() noexcept { return _mm512_setzero_ps(); }
  static Int zero_int() noexcept { return _mm512_setzero_si512(); }
  static Int bytes(char value) noexcept { return _mm512_set1_epi8(value); }
  static Int words(int value) noexcept { return _mm512_set1_epi32(value); }
  static Int bits_and(Int a, Int b) noexcept { return _mm512_and_si512(a, b); }
  template <int kBits>
  static Int shift_right(Int a) noexcept {
    if constexpr (kBits == 0) return a;
    return _mm512_srli_epi16(a, kBits);
  }
  template <int kFrom, int kTo>
  static Int move_bits(Int a) noexcept {
    if constexpr (kFrom < kTo) return _mm512_slli_epi16(a, kTo - kFrom);
    return shift_right<(kFrom > kTo ? kFrom - kTo : 0)>(a);
  }
  template <int kMask>
  static Int or_masked(Int a, Int b) noexcept {
    return _mm512_ternarylogic_epi32(a, b, bytes(kMask), 0xf8);  // a | (b & mask)
  }
  static Int words_u8(const void* at) noexcept {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(at)));
  }
  static Int words_i8(const void* at) noexcept {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(at)));
  }
  static Int pairs_u8(const void* at) noexcept {
    return _mm512_cvtepu8_epi16(_mm256_loadu_si256(static_cast<const __m256i*>(at)));
  }
  static Int high_half(Int a) noexcept { return _mm512_srli_epi32(a, 16); }
  static Float to_float(Int a) noexcept { return _mm512_cvtepi32_ps(a); }
  static Float mul(Float a, Float b) noexcept { return _mm512_mul_ps(a, b); }
  static Float fma(Float a, Float b, Float c) noexcept { return _mm512_fmadd_ps(a, b, c); }
  static Float fnma(Float a, Float b, Float c) noexcept { return _mm512_fnmadd_ps(a, b, c); }
  static Int add_pairs(Int sum, Int pairs, const void* at) noexcept {
    return _mm512_dpwssd_epi32(sum, pairs, broadcast_int(at));
  }

  // Codes become what the dot product multiplies: value + 128, or as they are under minima.
  template <DType kType>
  static Int prepare(Int code) noexcept {
    constexpr WeightFormat kFormat = weight_format(kType);
    if constexpr (kFormat.has_table) {
      // kIq4Values + 128
      const __m128i table =
          _mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, -127, -115, -103, -90, -75, -59, -39, -15);
      return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), code);
    } else if constexpr (kFormat.has_min || kFormat.zero == 128) {
      return code;
    } else {
      return _mm512_add_epi8(code, bytes(static_cast<char>(128 - kFormat.zero)));
    }
  }

  template <DType kType>
  struct Dot {
    Int sum;
    void start(const void* offset) noexcept {
      sum = weight_format(kType).has_min ? zero_int() : broadcast_int(offset);
    }
    template <std::size_t>
    void add(Int even, Int odd, const std::byte* q) noexcept {
      sum = _mm512_dpbusd_epi32(sum, even, broadcast_int(q));
      sum = _mm512_dpbusd_epi32(sum, odd, broadcast_int(q + 4));
    }
    Int finish(const void*) const noexcept { return sum; }
  };

  // Unpacked panels of these types are swept by the same code.
  static constexpr DType sums_like(DType type) noexcept {
    switch (type) {
      case DType::kQ5_0:
      case DType::kQ8_0:
      case DType::kIQ4_NL: return DType::kQ4_0;
      case DType::kQ5_1: return DType::kQ4_1;
      case DType::kQ5_K: return DType::kQ4_K;
      case DType::kQ3_K: return DType::kQ6_K;
      default: return type;
    }
  }

  // Two chains per row of activations hide the latency of 2-byte weights, which come twice as fast.
  template <DType kType>
  static constexpr std::size_t float_rows() noexcept {
    return kType == DType::kF32 ? 16 : 32;
  }
  template <DType kType>
  static Float load_float(const void* at) noexcept {
    if constexpr (kType == DType::kF32) return load_f32(at);
    if constexpr (kType == DType::kF16) return load_f16(at);
    const __m256i half = _mm256_loadu_si256(static_cast<const __m256i*>(at));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
  }
};

#include "kernels/matmul/x86_convert.inc"
#include "kernels/matmul/x86_tile.inc"

}  // namespace

#define HEARTH_SUFFIX(name) name##_avx512
#include "kernels/matmul/x86_entry.inc"

}  // namespace hearth
