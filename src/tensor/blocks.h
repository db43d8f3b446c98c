// The quantized blocks of GGUF files, byte by byte, and the few bits of them that are packed oddly.
// Little endian. `d`, `m`, `dmin` are IEEE halves as bit patterns (base/half.h). A field of n bytes
// that starts at byte b is drawn as "b..b+n-1". Every struct has alignment 2 at most and no
// padding: an array of blocks is a row, and a pointer into a mapped tensor (32-aligned) may be read
// as one.
//
// Nibble order "halves": in qs[16], the low nibble of qs[j] is element j, the high one element j
// + 16. Nibble order "pairs": in qs[128], p = 0..3, l = 0..31: the low nibble of qs[32p + l] is
// element l of sub-block 2p, the high one element l of sub-block 2p + 1 (sub-blocks of 32).
// Bit-pair order: in qs[64], h = 0..1, j = 0..3, l = 0..31: element 128h + 32j + l is the two bits
// at shift 2j of qs[32h + l].
#pragma once

#include <cstdint>

namespace hearth {

// element = d * (q - 8)
//   0..1 d   2..17 qs: 4-bit q, halves
struct BlockQ4_0 {
  std::uint16_t d;
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ4_0) == 18 && alignof(BlockQ4_0) == 2);

// element = d * q + m
//   0..1 d   2..3 m   4..19 qs: 4-bit q, halves
struct BlockQ4_1 {
  std::uint16_t d;
  std::uint16_t m;
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ4_1) == 20 && alignof(BlockQ4_1) == 2);

// element = d * (q - 16)
//   0..1 d   2..5 qh: bit i is bit 4 of element i   6..21 qs: bits 0..3 of q, halves
struct BlockQ5_0 {
  std::uint16_t d;
  std::uint8_t qh[4];
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ5_0) == 22 && alignof(BlockQ5_0) == 2);

// element = d * q + m
//   0..1 d   2..3 m   4..7 qh: bit i is bit 4 of element i   8..23 qs: bits 0..3 of q, halves
struct BlockQ5_1 {
  std::uint16_t d;
  std::uint16_t m;
  std::uint8_t qh[4];
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockQ5_1) == 24 && alignof(BlockQ5_1) == 2);

// element = d * q
//   0..1 d   2..33 qs: signed q, in order
struct BlockQ8_0 {
  std::uint16_t d;
  std::int8_t qs[32];
};
static_assert(sizeof(BlockQ8_0) == 34 && alignof(BlockQ8_0) == 2);

// 16 sub-blocks of 16; element = d * (scales[i] & 15) * q - dmin * (scales[i] >> 4), i = element /
// 16
//   0..15 scales   16..79 qs: 2-bit q, bit pairs   80..81 d   82..83 dmin
struct BlockQ2_K {
  std::uint8_t scales[16];
  std::uint8_t qs[64];
  std::uint16_t d;
  std::uint16_t dmin;
};
static_assert(sizeof(BlockQ2_K) == 84 && alignof(BlockQ2_K) == 2);

// 16 sub-blocks of 16; element = d * (scale - 32) * (q - 4 * !h), scale by q3_scale(), i = element
// / 16
//   0..31 hmask: h of element 128g + 32j + l is bit 4g + j of hmask[l]
//   32..95 qs: 2-bit q, bit pairs   96..107 scales, 6 bits each   108..109 d
struct BlockQ3_K {
  std::uint8_t hmask[32];
  std::uint8_t qs[64];
  std::uint8_t scales[12];
  std::uint16_t d;
};
static_assert(sizeof(BlockQ3_K) == 110 && alignof(BlockQ3_K) == 2);

// 8 sub-blocks of 32; element = d * scale * q - dmin * min, scale and min by k_scale_min(), i =
// element / 32
//   0..1 d   2..3 dmin   4..15 scales: 8 scales and 8 minima, 6 bits each   16..143 qs: 4-bit q,
//   pairs
struct BlockQ4_K {
  std::uint16_t d;
  std::uint16_t dmin;
  std::uint8_t scales[12];
  std::uint8_t qs[128];
};
static_assert(sizeof(BlockQ4_K) == 144 && alignof(BlockQ4_K) == 2);

// As Q4_K with a fifth bit.
//   0..1 d   2..3 dmin   4..15 scales   16..47 qh: bit s of qh[l] is bit 4 of element l of
//   sub-block s 48..175 qs: bits 0..3 of q, pairs
struct BlockQ5_K {
  std::uint16_t d;
  std::uint16_t dmin;
  std::uint8_t scales[12];
  std::uint8_t qh[32];
  std::uint8_t qs[128];
};
static_assert(sizeof(BlockQ5_K) == 176 && alignof(BlockQ5_K) == 2);

// 16 sub-blocks of 16; element = d * scales[i] * (q - 32), i = element / 16. For each half h = 0..1
// (128 elements), l = 0..31:
//   0..127 ql: low nibbles of ql[64h + l], ql[64h + 32 + l]: bits 0..3 of elements l, 32 + l;
//              their high nibbles: of elements 64 + l, 96 + l
//   128..191 qh: bits 0-1, 2-3, 4-5, 6-7 of qh[32h + l]: bits 4..5 of elements l, 32 + l, 64 + l,
//   96 + l 192..207 scales, signed   208..209 d
struct BlockQ6_K {
  std::uint8_t ql[128];
  std::uint8_t qh[64];
  std::int8_t scales[16];
  std::uint16_t d;
};
static_assert(sizeof(BlockQ6_K) == 210 && alignof(BlockQ6_K) == 2);

// element = d * kIq4Values[q]
//   0..1 d   2..17 qs: 4-bit q, halves
struct BlockIQ4_NL {
  std::uint16_t d;
  std::uint8_t qs[16];
};
static_assert(sizeof(BlockIQ4_NL) == 18 && alignof(BlockIQ4_NL) == 2);

// 8 sub-blocks of 32; element = d * (scale - 32) * kIq4Values[q], scale by iq4_xs_scale(), i =
// element / 32
//   0..1 d   2..3 scales_h: bits 2i..2i+1 are bits 4..5 of scale i
//   4..7 scales_l: nibble i (low first) is bits 0..3 of scale i
//   8..135 qs: 16 bytes per sub-block, 4-bit q, halves
struct BlockIQ4_XS {
  std::uint16_t d;
  std::uint16_t scales_h;
  std::uint8_t scales_l[4];
  std::uint8_t qs[128];
};
static_assert(sizeof(BlockIQ4_XS) == 136 && alignof(BlockIQ4_XS) == 2);

// The 16 levels of IQ4_NL and IQ4_XS: denser near zero, as weights are.
inline constexpr std::int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                               1,    13,   25,  38,  53,  69,  89,  113};

struct ScaleMin {
  std::uint8_t scale;  // 0..63
  std::uint8_t min;    // 0..63
};

// Q4_K and Q5_K, sub-block i = 0..7. The first four scales and minima are the low 6 bits of s[0..3]
// and s[4..7]; the last four have their low nibbles in s[8..11] and their top bits in bits 6..7 of
// s[0..7].
constexpr ScaleMin k_scale_min(const std::uint8_t (&s)[12], int i) noexcept {
  if (i < 4) {
    return {static_cast<std::uint8_t>(s[i] & 63), static_cast<std::uint8_t>(s[i + 4] & 63)};
  }
  return {static_cast<std::uint8_t>((s[i + 4] & 15) | ((s[i - 4] >> 6) << 4)),
          static_cast<std::uint8_t>((s[i + 4] >> 4) | ((s[i] >> 6) << 4))};
}

// Q3_K, sub-block i = 0..15: 0..63 as stored (32 is zero). Low nibbles in s[0..7] (low ones first),
// top two bits in s[8..11].
constexpr int q3_scale(const std::uint8_t (&s)[12], int i) noexcept {
  const int low = i < 8 ? s[i] & 15 : s[i - 8] >> 4;
  const int high = (s[8 + i % 4] >> (2 * (i / 4))) & 3;
  return low | (high << 4);
}

// IQ4_XS, sub-block i = 0..7: 0..63 as stored (32 is zero).
constexpr int iq4_xs_scale(const BlockIQ4_XS& block, int i) noexcept {
  const int low = (block.scales_l[i / 2] >> (4 * (i % 2))) & 15;
  const int high = (block.scales_h >> (2 * i)) & 3;
  return low | (high << 4);
}

}  // namespace hearth
