// Stored weights for tests and benches alone: random or constant codes under scales of sane size.
// Pure functions; any thread.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/half.h"
#include "base/random.h"
#include "tensor/blocks.h"
#include "tensor/dtype.h"

namespace hearth::test_weights {

inline constexpr std::size_t kNone = static_cast<std::size_t>(-1);

struct ScaleOffsets {
  std::size_t d, m;
};

inline ScaleOffsets scale_offsets(DType type) noexcept {
  switch (type) {
    case DType::kQ4_0: return {offsetof(BlockQ4_0, d), kNone};
    case DType::kQ4_1: return {offsetof(BlockQ4_1, d), offsetof(BlockQ4_1, m)};
    case DType::kQ5_0: return {offsetof(BlockQ5_0, d), kNone};
    case DType::kQ5_1: return {offsetof(BlockQ5_1, d), offsetof(BlockQ5_1, m)};
    case DType::kQ8_0: return {offsetof(BlockQ8_0, d), kNone};
    case DType::kIQ4_NL: return {offsetof(BlockIQ4_NL, d), kNone};
    case DType::kQ2_K: return {offsetof(BlockQ2_K, d), offsetof(BlockQ2_K, dmin)};
    case DType::kQ3_K: return {offsetof(BlockQ3_K, d), kNone};
    case DType::kQ4_K: return {offsetof(BlockQ4_K, d), offsetof(BlockQ4_K, dmin)};
    case DType::kQ5_K: return {offsetof(BlockQ5_K, d), offsetof(BlockQ5_K, dmin)};
    case DType::kQ6_K: return {offsetof(BlockQ6_K, d), kNone};
    case DType::kIQ4_XS: return {offsetof(BlockIQ4_XS, d), kNone};
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16: break;
  }
  return {kNone, kNone};
}

inline void set_half(std::byte* block, std::size_t offset, float value) noexcept {
  if (offset == kNone) return;
  const std::uint16_t half = float_to_half(value);
  std::memcpy(block + offset, &half, sizeof half);
}

inline float random_scale(Random& random) noexcept {
  const double size = 0x1p-8 + random.uniform() * (0x1p-4 - 0x1p-8);
  return static_cast<float>((random.next() & 1) != 0 ? size : -size);
}

inline void random_floats(DType type, std::vector<std::byte>& bytes, Random& random) {
  const std::size_t size = dtype_info(type).block_bytes;
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    const float value = static_cast<float>((random.uniform() - 0.5) * 4);
    const std::uint16_t half = type == DType::kF16 ? float_to_half(value) : float_to_bf16(value);
    if (type == DType::kF32) {
      std::memcpy(&bytes[at], &value, sizeof value);
    } else {
      std::memcpy(&bytes[at], &half, sizeof half);
    }
  }
}

// [rows, row_bytes(type, cols)]: random bytes, every f16 scale in ±[2^-8, 2^-4], floats in ±2.
inline std::vector<std::byte> random(DType type, std::size_t rows, std::size_t cols,
                                     Random& random) {
  std::vector<std::byte> bytes(rows * row_bytes(type, cols));
  const DTypeInfo& info = dtype_info(type);
  if (info.block_elements == 1) {
    random_floats(type, bytes, random);
    return bytes;
  }
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next() >> 56);
  const ScaleOffsets offsets = scale_offsets(type);
  for (std::size_t at = 0; at < bytes.size(); at += info.block_bytes) {
    set_half(&bytes[at], offsets.d, random_scale(random));
    set_half(&bytes[at], offsets.m, random_scale(random));
  }
  return bytes;
}

// As above, but every byte that is not an f16 scale is `fill` and every scale 2^-6.
inline std::vector<std::byte> filled(DType type, std::size_t rows, std::size_t cols,
                                     std::uint8_t fill) {
  std::vector<std::byte> bytes(rows * row_bytes(type, cols), static_cast<std::byte>(fill));
  const ScaleOffsets offsets = scale_offsets(type);
  for (std::size_t at = 0; at < bytes.size(); at += dtype_info(type).block_bytes) {
    set_half(&bytes[at], offsets.d, 0x1p-6f);
    set_half(&bytes[at], offsets.m, 0x1p-6f);
  }
  return bytes;
}

// The largest that a minimum can be in this block of a type with minima.
inline double largest_min(DType type, const std::byte* block) {
  std::uint16_t half;
  std::memcpy(&half, block + scale_offsets(type).m, sizeof half);
  const double largest_code = dtype_info(type).block_elements == 32 ? 1 : 63;
  return std::fabs(static_cast<double>(half_to_float(half))) * largest_code;
}

}  // namespace hearth::test_weights
