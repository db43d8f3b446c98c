// A stored block as plain numbers: the one place of this room that knows the files' bit packing.
// Inline, so that codes stay in registers on their way to a panel (8.5 GB/s of Q4_0 where calls
// gave 2.7). Plain data and pure functions; any thread.
#pragma once

#include <algorithm>
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

namespace stored {

// In each byte of vectors or words: the bits of `ones` (as they are at bit 0), moved from bit
// `from` to bit `to`.
template <typename Bytes>
Bytes bits(Bytes bytes, int from, int to, std::uint32_t ones) noexcept {
  const Bytes moved = from < to ? bytes << (to - from) : bytes >> (from - to);
  return moved & 0x01010101u * (ones << to);
}

inline std::uint32_t load_word(const std::uint8_t* from) noexcept {
  std::uint32_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

inline void store_word(void* to, std::uint32_t word) noexcept {
  std::memcpy(to, &word, sizeof word);
}

// 16 bytes in nibble order "halves" → 32 codes.
inline void halves(const std::uint8_t* qs, std::uint8_t* code) noexcept {
  const Words both = load_words(qs);
  store_words(code, bits(both, 0, 0, 15));
  store_words(code + 16, bits(both, 4, 0, 15));
}

// Eight bits become bytes: each byte of `alone` has one of them and no other bit, and carries into
// its top bit when that is added which is one less than the top bit.
inline std::uint64_t fifth_bits(std::uint8_t eight) noexcept {
  constexpr std::uint64_t kEach = 0x0101010101010101u;
  const std::uint64_t alone = eight * kEach & 0x8040201008040201u;
  return (alone + 0x7f * kEach) >> 3 & 0x10 * kEach;
}

// 16 at once: codes stored 8 at a time would stall whoever loads 16.
inline void add_fifth_bits(const std::uint8_t (&qh)[4], std::uint8_t* code) noexcept {
  using Pair [[gnu::vector_size(16)]] = std::uint64_t;
  for (int i = 0; i < 4; i += 2) {
    const Pair high = {fifth_bits(qh[i]), fifth_bits(qh[i + 1])};
    store_words(code + 8 * i, load_words(code + 8 * i) | reinterpret_cast<Words>(high));
  }
}

// 32 bytes whose bit s is bit kTo of element l of sub-block s (of 32) → 256 codes.
template <int kTo>
void add_bits(const std::uint8_t (&qh)[32], std::uint8_t* code) noexcept {
  for (int at = 0; at < 32; at += 16) {
    const Words high = load_words(qh + at);
    for (int s = 0; s < 8; ++s) {
      std::uint8_t* const to = code + 32 * s + at;
      store_words(to, load_words(to) | bits(high, s, kTo, 1));
    }
  }
}

// 64 bytes in bit-pair order → 256 codes of two bits.
inline void bit_pairs(const std::uint8_t (&qs)[64], std::uint8_t* code) noexcept {
  for (int at = 0; at < 64; at += 16) {
    const Words four = load_words(qs + at);
    for (int j = 0; j < 4; ++j)
      store_words(code + at / 32 * 128 + 32 * j + at % 32, bits(four, 2 * j, 0, 3));
  }
}

// 128 bytes in nibble order "pairs" → 256 codes.
inline void pairs(const std::uint8_t (&qs)[128], std::uint8_t* code) noexcept {
  for (int at = 0; at < 128; at += 16) {
    const Words both = load_words(qs + at);
    std::uint8_t* const to = code + at / 32 * 64 + at % 32;
    store_words(to, bits(both, 0, 0, 15));
    store_words(to + 32, bits(both, 4, 0, 15));
  }
}

// k_scale_min() of blocks.h, four at once.
inline void scales_and_mins(const std::uint8_t (&packed)[12], Codes& out) noexcept {
  const std::uint32_t scales = load_word(packed), mins = load_word(packed + 4);
  const std::uint32_t last = load_word(packed + 8);
  store_word(out.scale, bits(scales, 0, 0, 63));
  store_word(out.scale + 4, bits(last, 0, 0, 15) | bits(scales, 6, 4, 3));
  store_word(out.min, bits(mins, 0, 0, 63));
  store_word(out.min + 4, bits(last, 4, 0, 15) | bits(mins, 6, 4, 3));
}

// q3_scale() of blocks.h less 32, four at once: the top bit is set so that no byte borrows of
// another.
inline void q3_scales(const std::uint8_t (&packed)[12], std::int8_t* scale) noexcept {
  const std::uint32_t high = load_word(packed + 8);
  for (int j = 0; j < 4; ++j) {
    const std::uint32_t stored =
        bits(load_word(packed + 4 * (j % 2)), 4 * (j / 2), 0, 15) | bits(high, 2 * j, 4, 3);
    store_word(scale + 4 * j, ((stored | 0x80808080u) - 0x20202020u) ^ 0x80808080u);
  }
}

}  // namespace stored

inline void read_codes(const BlockQ4_0& block, Codes& out) noexcept {
  stored::halves(block.qs, out.code);
  out.d = block.d;
}

inline void read_codes(const BlockQ4_1& block, Codes& out) noexcept {
  stored::halves(block.qs, out.code);
  out.d = block.d;
  out.m = block.m;
}

inline void read_codes(const BlockQ5_0& block, Codes& out) noexcept {
  stored::halves(block.qs, out.code);
  stored::add_fifth_bits(block.qh, out.code);
  out.d = block.d;
}

inline void read_codes(const BlockQ5_1& block, Codes& out) noexcept {
  stored::halves(block.qs, out.code);
  stored::add_fifth_bits(block.qh, out.code);
  out.d = block.d;
  out.m = block.m;
}

inline void read_codes(const BlockQ8_0& block, Codes& out) noexcept {
  for (int at = 0; at < 32; at += 16)
    store_words(out.code + at, load_words(block.qs + at) ^ 0x80808080u);
  out.d = block.d;
}

inline void read_codes(const BlockIQ4_NL& block, Codes& out) noexcept {
  stored::halves(block.qs, out.code);
  out.d = block.d;
}

inline void read_codes(const BlockQ2_K& block, Codes& out) noexcept {
  stored::bit_pairs(block.qs, out.code);
  for (int i = 0; i < 16; ++i) {
    out.scale[i] = static_cast<std::int8_t>(block.scales[i] & 15);
    out.min[i] = block.scales[i] >> 4;
  }
  out.d = block.d;
  out.m = block.dmin;
}

inline void read_codes(const BlockQ3_K& block, Codes& out) noexcept {
  stored::bit_pairs(block.qs, out.code);
  stored::add_bits<2>(block.hmask, out.code);
  stored::q3_scales(block.scales, out.scale);
  out.d = block.d;
}

inline void read_codes(const BlockQ4_K& block, Codes& out) noexcept {
  stored::pairs(block.qs, out.code);
  stored::scales_and_mins(block.scales, out);
  out.d = block.d;
  out.m = block.dmin;
}

inline void read_codes(const BlockQ5_K& block, Codes& out) noexcept {
  stored::pairs(block.qs, out.code);
  stored::add_bits<4>(block.qh, out.code);
  stored::scales_and_mins(block.scales, out);
  out.d = block.d;
  out.m = block.dmin;
}

inline void read_codes(const BlockQ6_K& block, Codes& out) noexcept {
  for (int half = 0; half < 2; ++half) {
    for (int at = 0; at < 32; at += 16) {
      const Words high = load_words(block.qh + 32 * half + at);
      for (int quarter = 0; quarter < 4; ++quarter) {
        const Words low = load_words(block.ql + 64 * half + 32 * (quarter % 2) + at);
        store_words(
            out.code + 128 * half + 32 * quarter + at,
            stored::bits(low, quarter / 2 * 4, 0, 15) | stored::bits(high, 2 * quarter, 4, 3));
      }
    }
  }
  std::copy_n(block.scales, 16, out.scale);
  out.d = block.d;
}

inline void read_codes(const BlockIQ4_XS& block, Codes& out) noexcept {
  for (int i = 0; i < 8; ++i) {
    stored::halves(block.qs + 16 * i, out.code + 32 * i);
    out.scale[i] = static_cast<std::int8_t>(iq4_xs_scale(block, i) - 32);
  }
  out.d = block.d;
}

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
