#include "kernels/matmul/codes.h"

#include <algorithm>

namespace hearth {
namespace {

// 16 bytes in nibble order "halves" → 32 codes.
void halves(const std::uint8_t* qs, std::uint8_t* code) noexcept {
  for (int j = 0; j < 16; ++j) {
    code[j] = qs[j] & 15;
    code[j + 16] = qs[j] >> 4;
  }
}

void add_fifth_bits(const std::uint8_t (&qh)[4], std::uint8_t* code) noexcept {
  for (int e = 0; e < 32; ++e)
    code[e] = static_cast<std::uint8_t>(code[e] | ((qh[e / 8] >> (e % 8) & 1) << 4));
}

// 64 bytes in bit-pair order → 256 codes of two bits.
void bit_pairs(const std::uint8_t (&qs)[64], std::uint8_t* code) noexcept {
  for (int half = 0; half < 2; ++half)
    for (int j = 0; j < 4; ++j)
      for (int l = 0; l < 32; ++l) code[128 * half + 32 * j + l] = qs[32 * half + l] >> (2 * j) & 3;
}

// 128 bytes in nibble order "pairs" → 256 codes.
void pairs(const std::uint8_t (&qs)[128], std::uint8_t* code) noexcept {
  for (int p = 0; p < 4; ++p) {
    for (int l = 0; l < 32; ++l) {
      code[64 * p + l] = qs[32 * p + l] & 15;
      code[64 * p + 32 + l] = qs[32 * p + l] >> 4;
    }
  }
}

void scales_and_mins(const std::uint8_t (&packed)[12], Codes& out) noexcept {
  for (int i = 0; i < 8; ++i) {
    const ScaleMin both = k_scale_min(packed, i);
    out.scale[i] = static_cast<std::int8_t>(both.scale);
    out.min[i] = both.min;
  }
}

}  // namespace

void read_codes(const BlockQ4_0& block, Codes& out) noexcept {
  halves(block.qs, out.code);
  out.d = block.d;
}

void read_codes(const BlockQ4_1& block, Codes& out) noexcept {
  halves(block.qs, out.code);
  out.d = block.d;
  out.m = block.m;
}

void read_codes(const BlockQ5_0& block, Codes& out) noexcept {
  halves(block.qs, out.code);
  add_fifth_bits(block.qh, out.code);
  out.d = block.d;
}

void read_codes(const BlockQ5_1& block, Codes& out) noexcept {
  halves(block.qs, out.code);
  add_fifth_bits(block.qh, out.code);
  out.d = block.d;
  out.m = block.m;
}

void read_codes(const BlockQ8_0& block, Codes& out) noexcept {
  for (int e = 0; e < 32; ++e) out.code[e] = static_cast<std::uint8_t>(block.qs[e] + 128);
  out.d = block.d;
}

void read_codes(const BlockIQ4_NL& block, Codes& out) noexcept {
  halves(block.qs, out.code);
  out.d = block.d;
}

void read_codes(const BlockQ2_K& block, Codes& out) noexcept {
  bit_pairs(block.qs, out.code);
  for (int i = 0; i < 16; ++i) {
    out.scale[i] = static_cast<std::int8_t>(block.scales[i] & 15);
    out.min[i] = block.scales[i] >> 4;
  }
  out.d = block.d;
  out.m = block.dmin;
}

void read_codes(const BlockQ3_K& block, Codes& out) noexcept {
  bit_pairs(block.qs, out.code);
  for (int s = 0; s < 8; ++s)
    for (int l = 0; l < 32; ++l)
      out.code[32 * s + l] =
          static_cast<std::uint8_t>(out.code[32 * s + l] | ((block.hmask[l] >> s & 1) << 2));
  for (int i = 0; i < 16; ++i)
    out.scale[i] = static_cast<std::int8_t>(q3_scale(block.scales, i) - 32);
  out.d = block.d;
}

void read_codes(const BlockQ4_K& block, Codes& out) noexcept {
  pairs(block.qs, out.code);
  scales_and_mins(block.scales, out);
  out.d = block.d;
  out.m = block.dmin;
}

void read_codes(const BlockQ5_K& block, Codes& out) noexcept {
  pairs(block.qs, out.code);
  for (int s = 0; s < 8; ++s)
    for (int l = 0; l < 32; ++l)
      out.code[32 * s + l] =
          static_cast<std::uint8_t>(out.code[32 * s + l] | ((block.qh[l] >> s & 1) << 4));
  scales_and_mins(block.scales, out);
  out.d = block.d;
  out.m = block.dmin;
}

void read_codes(const BlockQ6_K& block, Codes& out) noexcept {
  for (int half = 0; half < 2; ++half) {
    for (int quarter = 0; quarter < 4; ++quarter) {
      const std::uint8_t* const ql = block.ql + 64 * half + 32 * (quarter % 2);
      const std::uint8_t* const qh = block.qh + 32 * half;
      std::uint8_t* const code = out.code + 128 * half + 32 * quarter;
      for (int l = 0; l < 32; ++l) {
        const int low = quarter < 2 ? ql[l] & 15 : ql[l] >> 4;
        code[l] = static_cast<std::uint8_t>(low | ((qh[l] >> (2 * quarter) & 3) << 4));
      }
    }
  }
  std::copy_n(block.scales, 16, out.scale);
  out.d = block.d;
}

void read_codes(const BlockIQ4_XS& block, Codes& out) noexcept {
  for (int i = 0; i < 8; ++i) {
    halves(block.qs + 16 * i, out.code + 32 * i);
    out.scale[i] = static_cast<std::int8_t>(iq4_xs_scale(block, i) - 32);
  }
  out.d = block.d;
}

}  // namespace hearth
