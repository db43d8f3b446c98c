// How panels are laid out and filled: "raw" keeps the rows as the file has them (portable kernels
// unpack as they go), "interleaved" and "pairs" are weight_format.h's layouts. Compiled for the
// baseline, so that every instruction set packs the same bytes; matmul.cc alone instantiates them.
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

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

inline std::uint32_t load_word(const std::uint8_t* from) noexcept {
  std::uint32_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

inline void store_word(std::byte* to, std::uint32_t word) noexcept {
  std::memcpy(to, &word, sizeof word);
}

inline void store_half(std::byte* to, std::uint16_t half) noexcept {
  std::memcpy(to, &half, sizeof half);
}

// One row's codes of one unit into one plane: bits [kShift, kShift + kBits) of each code. A plane
// vector takes the 4-byte words of 8 / kBits neighbouring groups, each shifted by kBits more.
template <std::size_t kBits, std::size_t kShift, std::size_t kVector>
void pack_plane(const std::uint8_t* code, std::byte* plane) noexcept {
  constexpr std::size_t kGroups = 8 / kBits;
  constexpr std::uint32_t kMask = 0x01010101u * ((1u << kBits) - 1u);
  for (std::size_t v = 0; v < kBits; ++v) {
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < kGroups; ++i)
      word |= (load_word(code + 4 * (v * kGroups + i)) >> kShift & kMask) << (kBits * i);
    store_word(plane + v * kVector, word);
  }
}

template <DType kType, std::size_t kRows>
void pack_unit(const std::uint8_t* code, std::size_t unit, std::size_t row,
               std::byte* block) noexcept {
  using Layout = PanelLayout<kType, kRows>;
  constexpr WeightFormat kFormat = Layout::kFormat;
  std::byte* const low = block + Layout::kUnitsAt + unit * Layout::kUnit + 4 * row;
  pack_plane<kFormat.low_bits, 0, Layout::kVector>(code, low);
  if constexpr (kFormat.high_bits != 0)
    pack_plane<kFormat.high_bits, kFormat.low_bits, Layout::kVector>(code, low + Layout::kLow);
}

// One 256-element block of one row.
template <DType kType, std::size_t kRows>
void pack_block(const Codes& codes, std::size_t row, std::byte* block) noexcept {
  using Layout = PanelLayout<kType, kRows>;
  for (std::size_t unit = 0; unit < 8; ++unit)
    pack_unit<kType, kRows>(codes.code + 32 * unit, unit, row, block);
  for (std::size_t i = 0; i < Layout::kSubs; ++i) {
    std::byte* const beside = block + Layout::kMinsAt + (i / 2 * kRows + row) * 2 + i % 2;
    if constexpr (Layout::kNibbleScales) {
      *beside = static_cast<std::byte>(codes.scale[i] | codes.min[i] << 4);
    } else {
      block[Layout::kScalesAt + i * kRows + row] = static_cast<std::byte>(codes.scale[i]);
      if constexpr (Layout::kFormat.has_min) *beside = static_cast<std::byte>(codes.min[i]);
    }
  }
  store_half(block + Layout::kDAt + 2 * row, codes.d);
  if constexpr (Layout::kFormat.has_min) store_half(block + Layout::kMAt + 2 * row, codes.m);
}

// One 32-element block of one row: unit 0 or 1 of its pair.
template <DType kType, std::size_t kRows>
void pack_half_pair(const Codes& codes, std::size_t unit, std::size_t row,
                    std::byte* pair) noexcept {
  using Layout = PanelLayout<kType, kRows>;
  pack_unit<kType, kRows>(codes.code, unit, row, pair);
  store_half(pair + Layout::kDAt + unit * Layout::kHalves + 2 * row, codes.d);
  if constexpr (Layout::kFormat.has_min)
    store_half(pair + Layout::kMAt + unit * Layout::kHalves + 2 * row, codes.m);
}

template <DType kType, std::size_t kRows>
void pack_quantized_row(const std::byte* source, std::size_t cols, std::size_t row,
                        std::byte* panel) noexcept {
  using Layout = PanelLayout<kType, kRows>;
  using Block = typename BlockOf<kType>::type;
  for (std::size_t b = 0; b < cols / Layout::kFormat.block; ++b) {
    Block block;
    Codes codes;
    std::memcpy(&block, source + b * sizeof(Block), sizeof(Block));
    read_codes(block, codes);
    if constexpr (Layout::kPaired) {
      pack_half_pair<kType, kRows>(codes, b % 2, row, panel + b / 2 * Layout::kBytes);
    } else {
      pack_block<kType, kRows>(codes, row, panel + b * Layout::kBytes);
    }
  }
}

template <DType kType, std::size_t kRows>
void pack_float_row(const std::byte* source, std::size_t cols, std::size_t row,
                    std::byte* panel) noexcept {
  constexpr std::size_t kSize = weight_format(kType).low_bits / 8;
  for (std::size_t k = 0; k < cols; ++k)
    std::memcpy(panel + (k * kRows + row) * kSize, source + k * kSize, kSize);
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
    return packing::round_up_64(cols * kRows * 4);
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
  std::memset(panel, 0, panel_bytes<kType, kRows>(cols));
  for (std::size_t row = 0; row < row_count; ++row) {
    const std::byte* const source = rows + row * row_stride_bytes;
    if constexpr (weight_format(kType).block == 1) {
      packing::pack_float_row<kType, kRows>(source, cols, row, panel);
    } else {
      packing::pack_quantized_row<kType, kRows>(source, cols, row, panel);
    }
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
