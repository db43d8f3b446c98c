// What the kernels must know of a weight type, and how its panels are interleaved. Constants only.
//
// An element is scale * (code - zero), or scale * code - min (a type with minima), where `code` is
// the unsigned number the file stores (an index into kIq4Values for the IQ4 types; Q8_0: q + 128,
// zero 128). One scale per `sub` elements.
//
// A panel interleaves R rows (16 for 512-bit vectors, 8 for 256-bit ones). A "vector" is 4R bytes:
// byte 4r + i of vector g of a unit (32 elements of k) belongs to row r and k = 4g + i, so that a
// 32-bit lane is an output row. Codes lie in planes, `low_bits` and `high_bits` wide; vector v of
//   an 8-bit plane is group v;
//   a 4-bit plane: low nibbles group 2v, high nibbles group 2v + 1;
//   a 2-bit plane: bits 0-1, 2-3, 4-5, 6-7 are groups 4v, 4v + 1, 4v + 2, 4v + 3;
//   a 1-bit plane: bit i is group 8v + i.
//
// 32-element types, two units (the second zero if cols / 32 is odd):
//   pair := d[2] [m[2]] unit[2]                         d, m := f16[R];  unit := low high
// 256-element types:
//   block := d [dmin] scales [mins] pad to 4R unit[8]   scales := i8[256/sub][R]
//   mins := u8[128/sub][R][2], neighbouring sub-blocks side by side
//   Q2_K keeps its 4-bit scale | min << 4 together: u8[8][R][2] for both.
// Float types: [cols][R] elements; as pairs, bfloat16 [cols / 2][R][2], zero behind an odd end.
#pragma once

#include <cstddef>

#include "tensor/dtype.h"

namespace hearth {

struct WeightFormat {
  std::size_t block;      // elements: 1 (float types), 32 or 256
  std::size_t sub;        // elements per scale
  std::size_t low_bits;   // or the element's bits
  std::size_t high_bits;  // of the second plane
  int zero;
  bool has_min;
  bool has_table;
};

constexpr WeightFormat weight_format(DType type) noexcept {
  switch (type) {
    case DType::kF32: return {1, 1, 32, 0, 0, false, false};
    case DType::kF16: return {1, 1, 16, 0, 0, false, false};
    case DType::kBF16: return {1, 1, 16, 0, 0, false, false};
    case DType::kQ4_0: return {32, 32, 4, 0, 8, false, false};
    case DType::kQ4_1: return {32, 32, 4, 0, 0, true, false};
    case DType::kQ5_0: return {32, 32, 4, 1, 16, false, false};
    case DType::kQ5_1: return {32, 32, 4, 1, 0, true, false};
    case DType::kQ8_0: return {32, 32, 8, 0, 128, false, false};
    case DType::kIQ4_NL: return {32, 32, 4, 0, 0, false, true};
    case DType::kQ2_K: return {256, 16, 2, 0, 0, true, false};
    case DType::kQ3_K: return {256, 16, 2, 1, 4, false, false};
    case DType::kQ4_K: return {256, 32, 4, 0, 0, true, false};
    case DType::kQ5_K: return {256, 32, 4, 1, 0, true, false};
    case DType::kQ6_K: return {256, 16, 4, 2, 32, false, false};
    case DType::kIQ4_XS: return {256, 32, 4, 0, 0, false, true};
  }
  return {};
}

// Offsets in bytes within a pair (32-element types) or a block (256-element types) of R rows: a
// header, then the units, in the order in which a product reads them. Two streams a few hundred
// bytes apart, as whole planes would be, were measured at 11 GB/s where one runs at 25.
template <DType kType, std::size_t kRows>
struct PanelLayout {
  static constexpr WeightFormat kFormat = weight_format(kType);
  static constexpr std::size_t kVector = 4 * kRows;
  static constexpr std::size_t kHalves = 2 * kRows;  // f16[R]
  static constexpr bool kPaired = kFormat.block == 32;

  static constexpr std::size_t kDAt = 0;
  static constexpr std::size_t kMAt = kPaired ? 2 * kHalves : kHalves;
  static constexpr std::size_t kSubs = 256 / kFormat.sub;
  static constexpr bool kNibbleScales = kType == DType::kQ2_K;
  static constexpr std::size_t kScalesAt = kFormat.has_min ? 2 * kMAt : kMAt;
  static constexpr std::size_t kMinsAt = kScalesAt + (kNibbleScales ? 0 : kSubs * kRows);
  static constexpr std::size_t kHeader =
      kPaired ? kScalesAt : kMinsAt + (kFormat.has_min ? kSubs * kRows : 0);

  static constexpr std::size_t kUnitsAt = (kHeader + kVector - 1) / kVector * kVector;
  static constexpr std::size_t kLow = kFormat.low_bits * kVector;    // 8 groups * bits / 8 per unit
  static constexpr std::size_t kHigh = kFormat.high_bits * kVector;  // likewise
  static constexpr std::size_t kUnit = kLow + kHigh;
  static constexpr std::size_t kBytes = kUnitsAt + (kPaired ? 2 : 8) * kUnit;
};

// A panel unpacked once for many activation rows: codes as the dot product takes them, one byte
// each, and scales in f32. Offsets in vectors of 4R bytes.
//   unit := code[8] scale[32/sub] [min, 32-element types]
//   block := unit[8] [mins i16[128/sub][R][2]] [dmin f32]
template <DType kType>
struct UnpackedLayout {
  static constexpr WeightFormat kFormat = weight_format(kType);
  static constexpr bool kPaired = kFormat.block == 32;
  static constexpr std::size_t kScale = 8;
  static constexpr std::size_t kMin = 9;
  static constexpr std::size_t kUnit = 8 + 32 / kFormat.sub + (kPaired && kFormat.has_min ? 1 : 0);
  static constexpr std::size_t kMins = 8 * kUnit;
  static constexpr std::size_t kDmin = kMins + 128 / kFormat.sub;
  static constexpr std::size_t kBlock = kFormat.has_min ? kDmin + 1 : kMins;
};

}  // namespace hearth
