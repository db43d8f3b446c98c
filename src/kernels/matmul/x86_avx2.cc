// AVX2 without VNNI: products of bytes are summed in 16 bits for as long as they fit.
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
  // Codes stay unsigned as stored; those of 8 bits become the signed value itself.
  template <DType kType>
  static Int prepare(Int code) noexcept {
    constexpr WeightFormat kFormat = weight_format(kType);
    if constexpr (kFormat.has_table) return table<0>(code);
    if constexpr (kFormat.zero == 128) return _mm256_xor_si256(code, bytes(-128));
    return code;
  }

  // vpmaddubsw sums two products in 16 bits: 2 * 127 * code. With codes up to
  //   15: 3810, 8 of them (a sub-block of 32) reach 30480
  //   31: 7874, 4 of them reach 31496
  //   63: 16002, 2 of them reach 32004
  //   signed, |w| ≤ 128 with the sign moved to the activation: 32512, one alone
  // all under 32768; then vpmaddwd widens. The zero point comes off at the end, exactly.
  template <DType kType>
  struct Dot {
    static constexpr WeightFormat kFormat = weight_format(kType);
    static constexpr bool kSigned = kFormat.has_table || kFormat.zero == 128;
    static constexpr std::size_t kBits = kFormat.low_bits + kFormat.high_bits;
    Int narrow;  // 16-bit sums not yet widened; unused by 6 bits and more
    Int wide;    // unused by 4 bits and fewer until the end

    // GCC 12 otherwise computes all products of a unit first and keeps them on the stack.
    static Int settled(Int a) noexcept {
      __asm__("" : "+x"(a));
      return a;
    }
    static Int widen(Int a) noexcept { return _mm256_madd_epi16(a, _mm256_set1_epi16(1)); }
    static Int signed_products(Int w, Int q) noexcept {
      return widen(_mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(q, w)));
    }

    void start(const void*) noexcept { narrow = wide = zero_int(); }
    template <std::size_t kV>
    void add(Int even, Int odd, const std::byte* q) noexcept {
      const Int first = broadcast_int(q), second = broadcast_int(q + 4);
      if constexpr (kSigned) {
        wide = settled(_mm256_add_epi32(wide, signed_products(even, first)));
        wide = settled(_mm256_add_epi32(wide, signed_products(odd, second)));
      } else {
        const Int products =
            _mm256_add_epi16(_mm256_maddubs_epi16(even, first), _mm256_maddubs_epi16(odd, second));
        if constexpr (kBits == 6) {
          wide = settled(_mm256_add_epi32(wide, widen(products)));
        } else if constexpr (kBits == 5 && kV % 2 == 1) {
          wide = settled(_mm256_add_epi32(wide, widen(_mm256_add_epi16(narrow, products))));
          narrow = zero_int();
        } else {
          narrow = settled(_mm256_add_epi16(narrow, products));
        }
      }
    }
    // offset is -128 * sum of q: its shift is -zero * sum of q.
    Int finish(const void* offset) const noexcept {
      const Int sum = kSigned || kBits > 4 ? wide : widen(narrow);
      if constexpr (kSigned || kFormat.has_min) {
        return sum;
      } else {
        constexpr int kShift = kFormat.zero == 32   ? 2
                               : kFormat.zero == 16 ? 3
                               : kFormat.zero == 8  ? 4
                                                    : 5;
        static_assert(kFormat.zero << kShift == 128);
        return _mm256_add_epi32(sum, _mm256_srai_epi32(broadcast_int(offset), kShift));
      }
    }
  };

  // Unpacked panels of these types are swept by the same code.
  static constexpr DType sums_like(DType type) noexcept {
    return type == DType::kIQ4_NL ? DType::kQ8_0 : type;
  }
};

#include "kernels/matmul/x86_convert.inc"
#include "kernels/matmul/x86_tile.inc"

}  // namespace

#define HEARTH_SUFFIX(name) name##_avx2
#include "kernels/matmul/x86_entry.inc"

}  // namespace hearth
