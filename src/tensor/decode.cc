#include "tensor/decode.h"

#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/half.h"
#include "tensor/blocks.h"

namespace hearth {
namespace {

// The order of the multiplications below is part of the contract: f32 products round, and kernels
// and reference values are judged by these bits.

constexpr int low_nibble(std::uint8_t byte) { return byte & 15; }
constexpr int high_nibble(std::uint8_t byte) { return byte >> 4; }

void decode_block(const float& block, float* out) { *out = block; }

struct BlockF16 {
  std::uint16_t bits;
};
void decode_block(const BlockF16& block, float* out) { *out = half_to_float(block.bits); }

struct BlockBF16 {
  std::uint16_t bits;
};
void decode_block(const BlockBF16& block, float* out) { *out = bf16_to_float(block.bits); }

void decode_block(const BlockQ4_0& block, float* out) {
  const float d = half_to_float(block.d);
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>(low_nibble(block.qs[j]) - 8);
    out[j + 16] = d * static_cast<float>(high_nibble(block.qs[j]) - 8);
  }
}

void decode_block(const BlockQ4_1& block, float* out) {
  const float d = half_to_float(block.d);
  const float m = half_to_float(block.m);
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>(low_nibble(block.qs[j])) + m;
    out[j + 16] = d * static_cast<float>(high_nibble(block.qs[j])) + m;
  }
}

constexpr int fifth_bit(const std::uint8_t (&qh)[4], int element) {
  return (qh[element / 8] >> (element % 8) & 1) << 4;
}

void decode_block(const BlockQ5_0& block, float* out) {
  const float d = half_to_float(block.d);
  for (int j = 0; j < 16; ++j) {
    const int low = low_nibble(block.qs[j]) | fifth_bit(block.qh, j);
    const int high = high_nibble(block.qs[j]) | fifth_bit(block.qh, j + 16);
    out[j] = d * static_cast<float>(low - 16);
    out[j + 16] = d * static_cast<float>(high - 16);
  }
}

void decode_block(const BlockQ5_1& block, float* out) {
  const float d = half_to_float(block.d);
  const float m = half_to_float(block.m);
  for (int j = 0; j < 16; ++j) {
    const int low = low_nibble(block.qs[j]) | fifth_bit(block.qh, j);
    const int high = high_nibble(block.qs[j]) | fifth_bit(block.qh, j + 16);
    out[j] = d * static_cast<float>(low) + m;
    out[j + 16] = d * static_cast<float>(high) + m;
  }
}

void decode_block(const BlockQ8_0& block, float* out) {
  const float d = half_to_float(block.d);
  for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(block.qs[j]);
}

// The two bits of an element in the bit-pair order of Q2_K and Q3_K.
constexpr int bit_pair(const std::uint8_t (&qs)[64], int element) {
  const int half = element / 128;
  return qs[32 * half + element % 32] >> (2 * (element % 128 / 32)) & 3;
}

void decode_block(const BlockQ2_K& block, float* out) {
  const float d = half_to_float(block.d);
  const float dmin = half_to_float(block.dmin);
  for (int e = 0; e < 256; ++e) {
    const float scale = d * static_cast<float>(low_nibble(block.scales[e / 16]));
    const float min = dmin * static_cast<float>(high_nibble(block.scales[e / 16]));
    out[e] = scale * static_cast<float>(bit_pair(block.qs, e)) - min;
  }
}

void decode_block(const BlockQ3_K& block, float* out) {
  const float d = half_to_float(block.d);
  for (int e = 0; e < 256; ++e) {
    const float scale = d * static_cast<float>(q3_scale(block.scales, e / 16) - 32);
    const int high = block.hmask[e % 32] >> (e / 32) & 1;
    out[e] = scale * static_cast<float>(bit_pair(block.qs, e) - (high != 0 ? 0 : 4));
  }
}

// Element `e` of a block whose nibbles lie in pairs (Q4_K, Q5_K).
constexpr int paired_nibble(const std::uint8_t (&qs)[128], int e) {
  const std::uint8_t byte = qs[e / 64 * 32 + e % 32];
  return e / 32 % 2 == 0 ? low_nibble(byte) : high_nibble(byte);
}

void decode_block(const BlockQ4_K& block, float* out) {
  const float d = half_to_float(block.d);
  const float dmin = half_to_float(block.dmin);
  for (int e = 0; e < 256; ++e) {
    const ScaleMin packed = k_scale_min(block.scales, e / 32);
    const float scale = d * static_cast<float>(packed.scale);
    const float min = dmin * static_cast<float>(packed.min);
    out[e] = scale * static_cast<float>(paired_nibble(block.qs, e)) - min;
  }
}

void decode_block(const BlockQ5_K& block, float* out) {
  const float d = half_to_float(block.d);
  const float dmin = half_to_float(block.dmin);
  for (int e = 0; e < 256; ++e) {
    const ScaleMin packed = k_scale_min(block.scales, e / 32);
    const float scale = d * static_cast<float>(packed.scale);
    const float min = dmin * static_cast<float>(packed.min);
    const int high = (block.qh[e % 32] >> (e / 32) & 1) << 4;
    out[e] = scale * static_cast<float>(paired_nibble(block.qs, e) | high) - min;
  }
}

void decode_block(const BlockQ6_K& block, float* out) {
  const float d = half_to_float(block.d);
  for (int e = 0; e < 256; ++e) {
    const int half = e / 128;
    const int quarter = e % 128 / 32;  // 0, 1: low nibbles; 2, 3: high nibbles
    const std::uint8_t byte = block.ql[64 * half + e % 64];
    const int low = quarter < 2 ? low_nibble(byte) : high_nibble(byte);
    const int high = (block.qh[32 * half + e % 32] >> (2 * quarter) & 3) << 4;
    const float scale = d * static_cast<float>(block.scales[e / 16]);
    out[e] = scale * static_cast<float>((low | high) - 32);
  }
}

void decode_block(const BlockIQ4_NL& block, float* out) {
  const float d = half_to_float(block.d);
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>(kIq4Values[low_nibble(block.qs[j])]);
    out[j + 16] = d * static_cast<float>(kIq4Values[high_nibble(block.qs[j])]);
  }
}

void decode_block(const BlockIQ4_XS& block, float* out) {
  const float d = half_to_float(block.d);
  for (int i = 0; i < 8; ++i) {
    const float scale = d * static_cast<float>(iq4_xs_scale(block, i) - 32);
    for (int j = 0; j < 16; ++j) {
      const std::uint8_t byte = block.qs[16 * i + j];
      out[32 * i + j] = scale * static_cast<float>(kIq4Values[low_nibble(byte)]);
      out[32 * i + j + 16] = scale * static_cast<float>(kIq4Values[high_nibble(byte)]);
    }
  }
}

// Copies each block out before reading it, so that `source` needs no alignment.
template <typename Block, std::size_t kElements>
void decode_blocks(const std::byte* source, std::size_t elements, float* out) {
  CHECK(elements % kElements == 0);
  for (std::size_t i = 0; i < elements / kElements; ++i) {
    Block block;
    std::memcpy(&block, source + i * sizeof(Block), sizeof(Block));
    decode_block(block, out + i * kElements);
  }
}

}  // namespace

void decode(DType type, const std::byte* source, std::size_t elements, float* out) noexcept {
  switch (type) {
    case DType::kF32: return decode_blocks<float, 1>(source, elements, out);
    case DType::kF16: return decode_blocks<BlockF16, 1>(source, elements, out);
    case DType::kBF16: return decode_blocks<BlockBF16, 1>(source, elements, out);
    case DType::kQ4_0: return decode_blocks<BlockQ4_0, 32>(source, elements, out);
    case DType::kQ4_1: return decode_blocks<BlockQ4_1, 32>(source, elements, out);
    case DType::kQ5_0: return decode_blocks<BlockQ5_0, 32>(source, elements, out);
    case DType::kQ5_1: return decode_blocks<BlockQ5_1, 32>(source, elements, out);
    case DType::kQ8_0: return decode_blocks<BlockQ8_0, 32>(source, elements, out);
    case DType::kQ2_K: return decode_blocks<BlockQ2_K, 256>(source, elements, out);
    case DType::kQ3_K: return decode_blocks<BlockQ3_K, 256>(source, elements, out);
    case DType::kQ4_K: return decode_blocks<BlockQ4_K, 256>(source, elements, out);
    case DType::kQ5_K: return decode_blocks<BlockQ5_K, 256>(source, elements, out);
    case DType::kQ6_K: return decode_blocks<BlockQ6_K, 256>(source, elements, out);
    case DType::kIQ4_NL: return decode_blocks<BlockIQ4_NL, 32>(source, elements, out);
    case DType::kIQ4_XS: return decode_blocks<BlockIQ4_XS, 256>(source, elements, out);
  }
  CHECK(false && "decode: not a DType");
}

}  // namespace hearth
