// How panels are laid out and filled: "raw" keeps the rows as the file has them (portable kernels
// unpack as they go), "interleaved" and "pairs" are weight_format.h's layouts. Compiled for the
// baseline, so that every instruction set packs the same bytes; matmul.cc alone instantiates them.
// Pure functions; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/check.h"
#include "base/half.h"
#include "kernels/matmul/codes.h"
#include "kernels/matmul/matmul.h"
#include "kernels/matmul/weight_format.h"
#include "tensor/dtype.h"

namespace hearth {
namespace packing {

constexpr ActivationFormat activation(DType type) noexcept {
  switch (weight_format(type).block) {
    case 1: return ActivationFormat::kF32;
    case 32: return ActivationFormat::kQ8x32;
    default: return ActivationFormat::kQ8x256;
  }
}

constexpr std::size_t round_up_64(std::size_t bytes) noexcept { return (bytes + 63) / 64 * 64; }

// Of each pair of neighbouring words one: the second beside the first, `shift` bits up.
inline Words fold(Words a, Words b, std::size_t shift) noexcept {
  return __builtin_shufflevector(a, b, 0, 2, 4, 6) | __builtin_shufflevector(a, b, 1, 3, 5, 7)
                                                         << static_cast<std::uint32_t>(shift);
}

// Four words of a plane of bits [kShift, kShift + kBits) of each code, filled up to kWidth of 8
// bits. Of fewer than 16 * kWidth / kBits codes only the first words are meant.
template <std::size_t kBits, std::size_t kShift, std::size_t kCodes, std::size_t kWidth = 8>
Words plane_words(const std::uint8_t* code) noexcept {
  if constexpr (kWidth == kBits) {
    return load_words(code) >> kShift & 0x01010101u * ((1u << kBits) - 1u);
  } else {
    constexpr std::size_t kHalf = 8 * kWidth / kBits;  // codes
    const Words first = plane_words<kBits, kShift, kCodes, kWidth / 2>(code);
    if constexpr (kCodes <= kHalf) {
      return fold(first, first, kWidth / 2);
    } else {
      const Words second = plane_words<kBits, kShift, kCodes - kHalf, kWidth / 2>(code + kHalf);
      return fold(first, second, kWidth / 2);
    }
  }
}

// Lane j of word vector i ↔ lane i of vector j.
inline void transpose(Words (&w)[4]) noexcept {
  const Words a = __builtin_shufflevector(w[0], w[1], 0, 4, 1, 5);
  const Words b = __builtin_shufflevector(w[0], w[1], 2, 6, 3, 7);
  const Words c = __builtin_shufflevector(w[2], w[3], 0, 4, 1, 5);
  const Words d = __builtin_shufflevector(w[2], w[3], 2, 6, 3, 7);
  w[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  w[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  w[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  w[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

// One plane of a block of every row. A row's words are put together alone, side by side; then all
// rows' are transposed to a panel's order in registers: in the order of the panel, and 16 bytes at
// once where the file's order would be stores of 4 bytes, 4R apart.
template <DType kType, std::size_t kRows, std::size_t kBits, std::size_t kShift>
struct Plane {
  using Layout = PanelLayout<kType, kRows>;
  static constexpr std::size_t kCodes = Layout::kFormat.block;
  static constexpr std::size_t kWords = kCodes * kBits / 32;
  Words words[kRows][(kWords + 3) / 4] = {};

  void set_row(std::size_t row, const std::uint8_t* code) noexcept {
    constexpr std::size_t kStep = 128 / kBits;  // codes
    for (std::size_t at = 0; at < kCodes; at += kStep)
      words[row][at / kStep] = plane_words < kBits, kShift,
                      kStep<kCodes ? kStep : kCodes>(code + at);
  }
  void store(std::byte* units) const noexcept {
    for (std::size_t j = 0; j < kWords; j += 4) {
      for (std::size_t row = 0; row < kRows; row += 4) {
        Words w[4];
        for (std::size_t i = 0; i < 4; ++i) w[i] = words[row + i][j / 4];
        transpose(w);
        for (std::size_t i = 0; i < 4 && i < kWords - j; ++i) {
          const std::size_t unit = (j + i) / kBits, vector = (j + i) % kBits;
          store_words(units + unit * Layout::kUnit + vector * Layout::kVector + 4 * row, w[i]);
        }
      }
    }
  }
};

// Into the second cache, as a panel's rows may not fit in the first.
template <std::size_t kBytes>
void prefetch(const std::byte* from) noexcept {
  for (std::size_t at = 0; at < kBytes; at += 64) __builtin_prefetch(from + at, 0, 2);
}

inline void store_half(std::byte* to, std::uint16_t half) noexcept {
  std::memcpy(to, &half, sizeof half);
}

// What a block of one row has beside its codes; `unit` is 0 or 1 of a pair.
template <DType kType, std::size_t kRows>
void pack_scales(const Codes& codes, std::size_t unit, std::size_t row, std::byte* block) noexcept {
  using Layout = PanelLayout<kType, kRows>;
  store_half(block + Layout::kDAt + unit * Layout::kHalves + 2 * row, codes.d);
  if constexpr (Layout::kFormat.has_min)
    store_half(block + Layout::kMAt + unit * Layout::kHalves + 2 * row, codes.m);
  if constexpr (Layout::kPaired) return;
  for (std::size_t i = 0; i < Layout::kSubs; ++i) {
    std::byte* const beside = block + Layout::kMinsAt + (i / 2 * kRows + row) * 2 + i % 2;
    if constexpr (Layout::kNibbleScales) {
      *beside = static_cast<std::byte>(codes.scale[i] | codes.min[i] << 4);
    } else {
      block[Layout::kScalesAt + i * kRows + row] = static_cast<std::byte>(codes.scale[i]);
      if constexpr (Layout::kFormat.has_min) *beside = static_cast<std::byte>(codes.min[i]);
    }
  }
}

struct NoPlane {
  void set_row(std::size_t, const std::uint8_t*) noexcept {}
  void store(std::byte*) const noexcept {}
};

// Block by block through all rows: what is written stays in the nearest cache until it is whole. No
// prefetcher of the machine follows so many rows at once, so the same block of the panel that most
// likely comes next is asked for by hand: 5.2 GB/s of Q6_K where 2.4 were measured without. Rows
// are read as blocks where they lie: aligned as blocks.h says.
template <DType kType, std::size_t kRows>
void pack_quantized(const std::byte* rows, std::size_t row_count, std::size_t row_stride_bytes,
                    std::size_t cols, std::byte* panel) noexcept {
  using Layout = PanelLayout<kType, kRows>;
  using Block = typename BlockOf<kType>::type;
  constexpr WeightFormat kFormat = Layout::kFormat;
  constexpr std::size_t kBlocks = Layout::kPaired ? 2 : 1;  // in Layout::kBytes
  Plane<kType, kRows, kFormat.low_bits, 0> low;
  std::conditional_t<kFormat.high_bits == 0, NoPlane,
                     Plane<kType, kRows, kFormat.high_bits, kFormat.low_bits>>
      high;
  Codes codes;
  for (std::size_t b = 0; b < cols / kFormat.block; ++b) {
    const std::size_t unit = b % kBlocks;
    std::byte* const block = panel + b / kBlocks * Layout::kBytes;
    if (unit == 0) std::memset(block, 0, Layout::kBytes);
    for (std::size_t row = 0; row < row_count; ++row) {
      const std::byte* const source = rows + row * row_stride_bytes + b * sizeof(Block);
      prefetch<sizeof(Block)>(source + kRows * row_stride_bytes);
      read_codes(*reinterpret_cast<const Block*>(source), codes);
      low.set_row(row, codes.code);
      high.set_row(row, codes.code);
      pack_scales<kType, kRows>(codes, unit, row, block);
    }
    std::byte* const units = block + Layout::kUnitsAt + unit * Layout::kUnit;
    low.store(units);
    high.store(units + Layout::kLow);
  }
}

// 16-bit elements 0-3 or 4-7 of two rows, one row's beside the other's.
inline Words zip(Words a, Words b, bool upper) noexcept {
  using Halves [[gnu::vector_size(16)]] = std::uint16_t;
  const auto x = reinterpret_cast<Halves>(a), y = reinterpret_cast<Halves>(b);
  return reinterpret_cast<Words>(upper ? __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15)
                                       : __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11));
}

// [kRows][64 bytes] → their columns. 16-bit elements are put together to words of two rows first.
template <std::size_t kSize, std::size_t kRows>
void transpose_floats(const std::uint8_t (&line)[kRows][64], std::uint8_t* column) noexcept {
  constexpr std::size_t kTile = 16 / kSize;  // elements of a vector: rows and columns
  for (std::size_t k = 0; k < 64 / kSize; k += 4) {
    const std::size_t at = k / kTile * 16;
    for (std::size_t row = 0; row < kRows; row += kTile) {
      Words w[4];
      for (std::size_t i = 0; i < 4; ++i) {
        if constexpr (kSize == 4) {
          w[i] = load_words(line[row + i] + at);
        } else {
          w[i] = zip(load_words(line[row + 2 * i] + at), load_words(line[row + 2 * i + 1] + at),
                     k % kTile != 0);
        }
      }
      transpose(w);
      for (std::size_t i = 0; i < 4; ++i)
        store_words(column + ((k + i) * kRows + row) * kSize, w[i]);
    }
  }
}

// A cache line of each row at a time: rows a power of two apart would drive each other out of the
// nearest cache before its next 16 bytes are asked for.
template <DType kType, std::size_t kRows>
void pack_floats(const std::byte* rows, std::size_t row_count, std::size_t row_stride_bytes,
                 std::size_t cols, std::byte* panel) noexcept {
  constexpr std::size_t kSize = weight_format(kType).low_bits / 8;
  std::uint8_t line[kRows][64] = {};
  std::uint8_t column[kRows * 64];
  for (std::size_t at = 0; at < cols * kSize; at += 64) {
    const std::size_t bytes = std::min<std::size_t>(64, cols * kSize - at);
    for (std::size_t row = 0; row < row_count; ++row) {
      const std::byte* const source = rows + row * row_stride_bytes + at;
      prefetch<64>(source + kRows * row_stride_bytes);
      std::memcpy(line[row], source, bytes);
    }
    transpose_floats<kSize, kRows>(line, column);
    std::memcpy(panel + at * kRows, column, bytes * kRows);
  }
}

}  // namespace packing

namespace raw {

using packing::activation;
inline constexpr bool kInPlace = true;

template <DType kType, std::size_t kRows>
std::size_t panel_bytes(std::size_t cols) noexcept {
  return kRows * row_bytes(kType, cols);
}

// Of one row: weights i16[cols], scales f32[cols / sub], minima (one per sub and one per block).
template <DType kType, std::size_t kRows>
std::size_t scratch_bytes(std::size_t cols) noexcept {
  constexpr WeightFormat kFormat = weight_format(kType);
  return packing::round_up_64(2 * cols + 4 * (2 * cols / kFormat.sub + cols / kFormat.block));
}

template <DType kType, std::size_t kRows>
void pack(const std::byte* rows, std::size_t row_count, std::size_t row_stride_bytes,
          std::size_t cols, std::byte* panel) noexcept {
  CHECK(row_count <= kRows);
  const std::size_t bytes = row_bytes(kType, cols);
  std::memset(panel, 0, panel_bytes<kType, kRows>(cols));
  for (std::size_t row = 0; row < row_count; ++row)
    std::memcpy(panel + row * bytes, rows + row * row_stride_bytes, bytes);
}

}  // namespace raw

namespace interleaved {

using packing::activation;
inline constexpr bool kInPlace = false;

template <DType kType, std::size_t kRows>
std::size_t panel_bytes(std::size_t cols) noexcept {
  using Layout = PanelLayout<kType, kRows>;
  constexpr WeightFormat kFormat = Layout::kFormat;
  if constexpr (kFormat.block == 1) {
    return packing::round_up_64(cols * kRows * kFormat.low_bits / 8);
  } else {
    CHECK(cols % kFormat.block == 0);
    const std::size_t blocks = cols / kFormat.block;
    return packing::round_up_64((Layout::kPaired ? (blocks + 1) / 2 : blocks) * Layout::kBytes);
  }
}

template <DType kType, std::size_t kRows>
std::size_t scratch_bytes(std::size_t cols) noexcept {
  using Layout = UnpackedLayout<kType>;
  if constexpr (Layout::kFormat.block == 1) {
    return packing::round_up_64(std::min(cols, kFloatColumns) * kRows * 4);
  } else {
    const std::size_t vectors =
        Layout::kPaired ? cols / 32 * Layout::kUnit : cols / 256 * Layout::kBlock;
    return packing::round_up_64(vectors * 4 * kRows);
  }
}

template <DType kType, std::size_t kRows>
void pack(const std::byte* rows, std::size_t row_count, std::size_t row_stride_bytes,
          std::size_t cols, std::byte* panel) noexcept {
  CHECK(row_count <= kRows);
  const std::size_t bytes = panel_bytes<kType, kRows>(cols);
  const std::size_t rounded = std::min<std::size_t>(64, bytes);
  std::memset(panel + bytes - rounded, 0, rounded);
  if constexpr (weight_format(kType).block == 1) {
    packing::pack_floats<kType, kRows>(rows, row_count, row_stride_bytes, cols, panel);
  } else {
    packing::pack_quantized<kType, kRows>(rows, row_count, row_stride_bytes, cols, panel);
  }
}

}  // namespace interleaved

// BF16 weights as they are, F16 weights rounded to nearest even.
namespace pairs {

constexpr ActivationFormat activation(DType) noexcept { return ActivationFormat::kBF16; }
inline constexpr bool kInPlace = false;

template <DType, std::size_t kRows>
std::size_t panel_bytes(std::size_t cols) noexcept {
  return packing::round_up_64((cols + 1) / 2 * kRows * 4);
}

template <DType, std::size_t>
std::size_t scratch_bytes(std::size_t) noexcept {
  return 0;
}

template <DType kType, std::size_t kRows>
void pack(const std::byte* rows, std::size_t row_count, std::size_t row_stride_bytes,
          std::size_t cols, std::byte* panel) noexcept {
  CHECK(row_count <= kRows);
  std::memset(panel, 0, panel_bytes<kType, kRows>(cols));
  for (std::size_t row = 0; row < row_count; ++row) {
    const std::byte* const source = rows + row * row_stride_bytes;
    for (std::size_t k = 0; k < cols; ++k) {
      std::uint16_t bits;
      std::memcpy(&bits, source + 2 * k, sizeof bits);
      if constexpr (kType == DType::kF16) bits = float_to_bf16(half_to_float(bits));
      packing::store_half(panel + (k / 2 * kRows + row) * 4 + k % 2 * 2, bits);
    }
  }
}

}  // namespace pairs

}  // namespace hearth
