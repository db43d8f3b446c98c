// AVX-512 with BF16: vdpbf16ps takes two products per lane and instruction, and bfloat16 pairs lie
// where f32 elements do. A product over pairs is therefore that of float_tile with half the
// columns.
//
// Formula, the same for every tile: y = y + x[k+1] * w[k+1] + x[k] * w[k], pairs ascending; how the
// three terms of one instruction are rounded is the CPU's (Intel: two fused multiply-adds, the odd
// element first). It rounds to nearest even whatever MXCSR says, takes subnormal numbers for zeros
// and makes zeros of subnormal results.

#include <cstddef>
#include <cstdint>

#include "kernels/avx512_intrinsics.h"
#include "kernels/matmul/variants.h"
#include "kernels/matmul/weight_format.h"

namespace hearth {
namespace {

struct P {
  using Float = __m512;  // of 16 pairs, or of 16 sums
  static constexpr std::size_t kRows = 16;
  static constexpr std::size_t kFloatTile = 12;  // 24 sums, 2 weights and a factor of 32 registers

  static Float broadcast(const void* at) noexcept {
    return _mm512_set1_ps(*static_cast<const float*>(at));
  }
  static Float load_f32(const void* at) noexcept { return _mm512_loadu_ps(at); }
  static Float zero() noexcept { return _mm512_setzero_ps(); }
  static void store(void* at, Float value) noexcept { _mm512_storeu_ps(at, value); }
  static Float fma(Float w, Float x, Float sum) noexcept {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(w), reinterpret_cast<__m512bh>(x));
  }
  template <DType>
  static constexpr std::size_t float_rows() noexcept {
    return 32;
  }
  template <DType>
  static Float load_float(const void* at) noexcept {
    return load_f32(at);
  }
};

#include "kernels/matmul/x86_float_tile.inc"

void multiply_pairs(const MatmulJob& job) noexcept {
  MatmulJob pairs = job;
  pairs.cols = (job.cols + 1) / 2;
  multiply_floats<DType::kF32>(pairs);
}

// Of the elements from x on that are left, at most 16; zeros behind.
__m512 load_left(const float* x, std::size_t left) noexcept {
  const std::uint32_t mask = left < 16 ? (1u << left) - 1 : 0xffffu;
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), x);
}

}  // namespace

void matmul_bf16_avx512_bf16(const MatmulJob& job) noexcept { multiply_pairs(job); }
void matmul_f16_avx512_bf16(const MatmulJob& job) noexcept { multiply_pairs(job); }

// Whole vectors are written: a row's bytes are a multiple of 64.
void convert_bf16_avx512_bf16(const float* x, std::size_t cols, std::byte* row) noexcept {
  for (std::size_t k = 0; k < cols; k += 32) {
    const __m512 low = load_left(x + k, cols - k);
    const __m512 high = cols - k > 16 ? load_left(x + k + 16, cols - k - 16) : _mm512_setzero_ps();
    const __m512bh both = _mm512_cvtne2ps_pbh(high, low);
    _mm512_storeu_si512(row + 2 * k, reinterpret_cast<__m512i>(both));
  }
}

}  // namespace hearth
