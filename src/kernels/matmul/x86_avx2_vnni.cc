// AVX-VNNI: vpdpbusd on 256-bit vectors, for processors without AVX-512.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/matmul/activation.h"
#include "kernels/matmul/variants.h"
#include "kernels/matmul/weight_format.h"

namespace hearth {
namespace {

#include "kernels/matmul/x86_avx2.inc"

struct P : Avx2 {
  // Codes become the unsigned value + 128, or as they are under minima.
  template <DType kType>
  static Int prepare(Int code) noexcept {
    constexpr WeightFormat kFormat = weight_format(kType);
    if constexpr (kFormat.has_table) return table<128>(code);
    if constexpr (kFormat.has_min || kFormat.zero == 128) return code;
    return _mm256_add_epi8(code, bytes(static_cast<char>(128 - kFormat.zero)));
  }

  template <DType kType>
  struct Dot {
    Int sum;
    void start(const void* offset) noexcept {
      sum = weight_format(kType).has_min ? zero_int() : broadcast_int(offset);
    }
    template <std::size_t>
    void add(Int even, Int odd, const std::byte* q) noexcept {
      sum = _mm256_dpbusd_epi32(sum, even, broadcast_int(q));
      sum = _mm256_dpbusd_epi32(sum, odd, broadcast_int(q + 4));
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
};

#include "kernels/matmul/x86_convert.inc"
#include "kernels/matmul/x86_tile.inc"

}  // namespace

#define HEARTH_SUFFIX(name) name##_avx2_vnni
#include "kernels/matmul/x86_entry.inc"

}  // namespace hearth
