#include <immintrin.h>

#include <cstdint>

#include "kernels/probe/variants.h"

namespace hearth {
namespace {

struct P {
  using Int = __m256i;
  static Int zero() noexcept { return _mm256_setzero_si256(); }
  static Int load(const std::byte* at) noexcept {
    return _mm256_load_si256(reinterpret_cast<const Int*>(at));
  }
  static Int broadcast(const std::byte* at) noexcept {
    return _mm256_set1_epi32(*reinterpret_cast<const std::int32_t*>(at));
  }
  static Int dot(Int sum, Int w, Int a) noexcept { return _mm256_dpbusd_epi32(sum, w, a); }
};

#include "kernels/probe/tile.inc"

}  // namespace

#define HEARTH_READ_PROBE(isa, suffix)
#define HEARTH_INT8_PROBE(isa, suffix, rows, columns) HEARTH_INT8_##suffix(rows, columns)
#define HEARTH_INT8_avx2_vnni(rows, columns) \
  void int8_probe_##rows##x##columns##_avx2_vnni() noexcept { multiply_tile<rows, columns>(); }
#define HEARTH_INT8_avx2(rows, columns)
#define HEARTH_INT8_avx512(rows, columns)
#include "kernels/probe/kernels.inc"

}  // namespace hearth
