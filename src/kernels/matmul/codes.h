// A stored block as plain numbers: the one place of this room that knows the files' bit packing.
// Plain data and pure functions; any thread.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/matmul/weight_format.h"
#include "tensor/blocks.h"

namespace hearth {

// 16 bytes at once: a vector of every baseline. Bytes are shifted as parts of words, then masked.
using Words [[gnu::vector_size(16)]] = std::uint32_t;

inline Words load_words(const void* from) noexcept {
  Words words;
  std::memcpy(&words, from, sizeof words);
  return words;
}

inline void store_words(void* to, Words words) noexcept { std::memcpy(to, &words, sizeof words); }

struct Codes {
  std::uint8_t code[256];  // 32 of a 32-element type; see weight_format.h
  std::int8_t scale[16];   // of each sub-block, signed; 256-element types only
  std::uint8_t min[16];    // of each sub-block; 0 if the type has none
  std::uint16_t d;         // f16
  std::uint16_t m;         // f16: m of Q4_1 and Q5_1, dmin of the K types
};

void read_codes(const BlockQ4_0& block, Codes& out) noexcept;
void read_codes(const BlockQ4_1& block, Codes& out) noexcept;
void read_codes(const BlockQ5_0& block, Codes& out) noexcept;
void read_codes(const BlockQ5_1& block, Codes& out) noexcept;
void read_codes(const BlockQ8_0& block, Codes& out) noexcept;
void read_codes(const BlockIQ4_NL& block, Codes& out) noexcept;
void read_codes(const BlockQ2_K& block, Codes& out) noexcept;
void read_codes(const BlockQ3_K& block, Codes& out) noexcept;
void read_codes(const BlockQ4_K& block, Codes& out) noexcept;
void read_codes(const BlockQ5_K& block, Codes& out) noexcept;
void read_codes(const BlockQ6_K& block, Codes& out) noexcept;
void read_codes(const BlockIQ4_XS& block, Codes& out) noexcept;

template <DType>
struct BlockOf;
template <>
struct BlockOf<DType::kQ4_0> {
  using type = BlockQ4_0;
};
template <>
struct BlockOf<DType::kQ4_1> {
  using type = BlockQ4_1;
};
template <>
struct BlockOf<DType::kQ5_0> {
  using type = BlockQ5_0;
};
template <>
struct BlockOf<DType::kQ5_1> {
  using type = BlockQ5_1;
};
template <>
struct BlockOf<DType::kQ8_0> {
  using type = BlockQ8_0;
};
template <>
struct BlockOf<DType::kIQ4_NL> {
  using type = BlockIQ4_NL;
};
template <>
struct BlockOf<DType::kQ2_K> {
  using type = BlockQ2_K;
};
template <>
struct BlockOf<DType::kQ3_K> {
  using type = BlockQ3_K;
};
template <>
struct BlockOf<DType::kQ4_K> {
  using type = BlockQ4_K;
};
template <>
struct BlockOf<DType::kQ5_K> {
  using type = BlockQ5_K;
};
template <>
struct BlockOf<DType::kQ6_K> {
  using type = BlockQ6_K;
};
template <>
struct BlockOf<DType::kIQ4_XS> {
  using type = BlockIQ4_XS;
};

}  // namespace hearth
