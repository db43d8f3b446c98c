// Keys and values of 8 and 4 bits (q8_0, q4_0), and attention on them in exact integers.
//
// What is stored of a vector x [head_dim] (a key or a value of one head): x is rotated by a
// Hadamard matrix (its largest power-of-two blocks that divide head_dim), which spreads outliers;
// scale = max |x| / kWhole; per group of dimensions a multiplier m, -63 ≤ m ≤ 63; per dimension a
// code that stands for a level in -127..127. The number is scale * m * level, and m * level, at
// most 8001, is a 16-bit integer: both products of attention are integer dot products of pairs.
//         level          a group of keys, of values     bits a number, head_dim 64      128
//   q8_0  code           16, 16: 8.5 bits, 8.5          keys 9.0, values 9.0    8.75, 8.75
//   q4_0  kLevels[code]  4, 16: 6.0 bits, 4.5           keys 6.5, values 5.0    6.25, 4.75
// An error of a key does several times the harm of an error of a value. A vector with a NaN or an
// infinity has an infinite scale, and makes NaN of what every query that sees it gets.
//
// Formula. A query is rotated, scaled and rounded to integers at most query_max: exact sums need
// query_max * 8001 * dims < 2^31. score = f32(sum) * (query unit * key scale). A block's 32 weights
// p * value scale (0 for unseen slots, whatever they hold) are brought below 2^13 by a power of two
// that follows from the block's largest score and its largest seen scale (the largest weight
// possible is then at least 2^10.5), and rounded: 32 * 2^13 * 8001 < 2^31. acc = fma(f32(sum),
// unit, acc). The sums of the rotated values are rotated back by finish().
//
// A side (keys, or values) of a block: codes, multipliers, then scale [32 positions] f32.
//   keys    codes [dims/2][32 positions][2], multipliers [dims/group][32 positions]
//   values  codes [16 position pairs][dims][2], multipliers [16 position pairs][dims/group][2]
// dims: head_dim rounded up to 32. 4-bit codes of keys: rows 2i (low nibbles) and 2i + 1 (high) are
// one row of bytes; of values: dimensions 0..15 of 32 are the low nibbles, 16..31 the high ones. So
// no byte holds two positions: rows are stored by several threads.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "kernels/attention/plain.h"

namespace hearth {
namespace {

constexpr std::size_t kCodedAlign = 32;  // dimensions: two halves of 16, a byte's two nibbles
constexpr float kNaN = __builtin_nanf("");
constexpr std::int32_t kLevelMax = 127;
constexpr std::int32_t kMultiplierMax = 63;
constexpr std::int32_t kWhole = kLevelMax * kMultiplierMax;  // 8001

constexpr std::size_t coded_dims(std::size_t head_dim) noexcept {
  return (head_dim + kCodedAlign - 1) / kCodedAlign * kCodedAlign;
}

// 2^31 / (8001 * dims): 8 bits and more up to head_dim 1024, 12 bits and sign at 64.
constexpr std::int32_t query_max(std::size_t dims) noexcept {
  return INT32_MAX / (kWhole * static_cast<std::int32_t>(dims));
}

// |x| < 2^22, to nearest even.
inline std::int32_t rounded(float x) noexcept {
  return std::bit_cast<std::int32_t>(x + 0x1.8p23f) - 0x4b400000;
}
inline std::int32_t clamped(std::int32_t x, std::int32_t limit) noexcept {
  return x < -limit ? -limit : x > limit ? limit : x;
}

// One stage of a Hadamard transform of n numbers: each stage is the same, as its outputs land where
// the next one's pairs are neighbours.
inline void rotate_stage(const float* from, std::size_t n, float* to) noexcept {
  std::size_t i = 0;
  for (; i + F32::kLanes <= n / 2; i += F32::kLanes) {
    F32 even, odd;
    unzip(load(from + 2 * i), load(from + 2 * i + F32::kLanes), &even, &odd);
    store(to + i, add(even, odd));
    store(to + i + n / 2, sub(even, odd));
  }
  for (; i < n / 2; ++i) {
    const float even = from[2 * i], odd = from[2 * i + 1];
    to[i] = even + odd;
    to[i + n / 2] = even - odd;
  }
}

// In place, orthonormal and its own inverse: blocks of the largest power of two in head_dim.
inline void rotate(float* x, std::size_t head_dim) noexcept {
  const std::size_t size = head_dim & (~head_dim + 1);
  const float norm = 1.0f / square_root(static_cast<float>(size));
  alignas(64) float other[kHeadDimMax];
  for (float* block = x; block < x + head_dim; block += size) {
    float *from = block, *to = other;
    for (std::size_t n = size; n > 1; n /= 2) {
      rotate_stage(from, size, to);
      float* const done = to;
      to = from;
      from = done;
    }
    for (std::size_t d = 0; d < size; ++d) block[d] = from[d] * norm;
  }
}

// Of NaN: infinity.
inline float largest_magnitude(const float* x, std::size_t n) noexcept {
  float top = 0.0f;
  for (std::size_t i = 0; i < n; ++i) {
    const float magnitude = x[i] < 0.0f ? -x[i] : x[i];
    if (!(magnitude <= top)) top = magnitude < kInfinity ? magnitude : kInfinity;
  }
  return top;
}

inline std::int32_t signed_code(std::uint8_t code) noexcept {
  return static_cast<std::int8_t>(code);
}

// A position's codes: one a dimension, and its group's multipliers.
struct Coded {
  std::uint8_t code[kHeadDimMax];
  std::int8_t multiplier[kHeadDimMax / 4];
  float scale;
};

struct Code8 {
  static constexpr CacheType kType = CacheType::kQ8;
  static constexpr std::size_t kGroup = 16;
  static constexpr std::size_t kCodesPerByte = 1;

  // Pairs of 2 kLanes codes at `from`, and of those `apart` bytes further on.
  static void load(const std::uint8_t* from, std::size_t apart, Pairs* a, Pairs* b) noexcept {
    *a = expand(from);
    *b = expand(from + apart);
  }
  static std::int32_t level(std::uint8_t code) noexcept { return signed_code(code); }
  // Rounded up, so that no number is cut.
  static void encode(const float* x, float scale, std::uint8_t* code,
                     std::int8_t* multiplier) noexcept {
    const float wanted = largest_magnitude(x, kGroup) / scale * (1.0f / kLevelMax);
    std::int32_t m = clamped(rounded(wanted), kMultiplierMax);
    if (static_cast<float>(m) < wanted && m < kMultiplierMax) ++m;
    if (m < 1) m = 1;
    const float inverse = 1.0f / (scale * static_cast<float>(m));
    for (std::size_t d = 0; d < kGroup; ++d) {
      code[d] = static_cast<std::uint8_t>(clamped(rounded(x[d] * inverse), kLevelMax));
    }
    *multiplier = static_cast<std::int8_t>(m);
  }
};

// The levels of 4-bit codes: scripts/kv_codebook.py.
constexpr std::int8_t kLevels[16] = {-127, -107, -88, -72, -56, -41, -27, -13,
                                     0,    14,   28,  43,  59,  76,  94,  115};

struct NearestCodes {
  std::uint8_t of[256];  // of level + 128
};
constexpr NearestCodes nearest_codes() noexcept {
  NearestCodes nearest{};
  for (int level = -128; level < 128; ++level) {
    int best = 0;
    for (int code = 1; code < 16; ++code) {
      const int now = level - kLevels[code], then = level - kLevels[best];
      if (now * now < then * then) best = code;
    }
    nearest.of[level + 128] = static_cast<std::uint8_t>(best);
  }
  return nearest;
}
constexpr NearestCodes kNearest = nearest_codes();

template <std::size_t kGroupSize>
struct Code4 {
  static constexpr CacheType kType = CacheType::kQ4;
  static constexpr std::size_t kGroup = kGroupSize;
  static constexpr std::size_t kCodesPerByte = 2;
  static void load(const std::uint8_t* from, std::size_t, Pairs* a, Pairs* b) noexcept {
    expand_nibbles(from, kLevels, a, b);
  }

  static std::int32_t level(std::uint8_t code) noexcept { return kLevels[code]; }

  struct Fit {
    float error = __builtin_inff();
    std::int32_t multiplier = 0;
    std::uint8_t code[kGroup] = {};
  };
  // Codes for multiplier m; returns the multiplier that least squares would have for them.
  static std::int32_t fit(const float* x, std::int32_t m, Fit* best) noexcept {
    if (m == 0) m = 1;
    const float inverse = 1.0f / static_cast<float>(m);
    Fit now;
    float error = 0.0f, with_level = 0.0f, squares = 0.0f;
    for (std::size_t d = 0; d < kGroup; ++d) {
      now.code[d] = kNearest.of[clamped(rounded(x[d] * inverse), kLevelMax) + 128];
      const auto level = static_cast<float>(kLevels[now.code[d]]);
      const float off = x[d] - level * static_cast<float>(m);
      error += off * off;
      with_level += x[d] * level;
      squares += level * level;
    }
    now.error = error;
    now.multiplier = m;
    if (error < best->error) *best = now;
    return squares > 0.0f ? clamped(rounded(with_level / squares), kMultiplierMax) : m;
  }
  // The largest magnitude at either end of the levels, each then refitted once: the best of four.
  static void encode(const float* x, float scale, std::uint8_t* code,
                     std::int8_t* multiplier) noexcept {
    const float inverse = 1.0f / scale;
    float units[kGroup], top = 0.0f;
    for (std::size_t d = 0; d < kGroup; ++d) {
      units[d] = x[d] * inverse;
      if (units[d] * units[d] > top * top) top = units[d];
    }
    Fit best;
    for (const float end : {float{kLevels[0]}, float{kLevels[15]}}) {
      const std::int32_t m = clamped(rounded(top / end), kMultiplierMax);
      fit(units, fit(units, m, &best), &best);
    }
    *multiplier = static_cast<std::int8_t>(best.multiplier);
    for (std::size_t d = 0; d < kGroup; ++d) code[d] = best.code[d];
  }
};

// x [head_dim] of its codes.
template <class Code>
inline void decode(const Coded& coded, std::size_t head_dim, float* x) noexcept {
  for (std::size_t d = 0; d < head_dim; ++d) {
    x[d] = static_cast<float>(Code::level(coded.code[d]) * coded.multiplier[d / Code::kGroup]) *
           coded.scale;
  }
  rotate(x, head_dim);
}

template <class Code>
inline void encode(const float* x, std::size_t head_dim, Coded* out) noexcept {
  // Below this, 1 / scale could overflow: such a vector is zero.
  constexpr float kTopMin = 0x1p-100f;
  const std::size_t dims = coded_dims(head_dim);
  alignas(64) float rotated[kHeadDimMax];
  for (std::size_t d = 0; d < dims; ++d) rotated[d] = d < head_dim ? x[d] : 0.0f;
  rotate(rotated, head_dim);
  const float top = largest_magnitude(rotated, head_dim);
  out->scale = top < kTopMin ? 0.0f : top / static_cast<float>(kWhole);
  if (top < kTopMin || top == kInfinity) {
    __builtin_memset(out->code, 0, dims);
    __builtin_memset(out->multiplier, 0, dims / Code::kGroup);
    return;
  }
  for (std::size_t g = 0; g < dims / Code::kGroup; ++g) {
    Code::encode(rotated + g * Code::kGroup, out->scale, out->code + g * Code::kGroup,
                 out->multiplier + g);
  }
}

// One side of a block.
template <class Code, class Byte>
struct CodedSide {
  Byte* codes;
  Byte* multipliers;
  Byte* scales;  // f32 [32]

  static constexpr std::size_t code_bytes(std::size_t dims) noexcept {
    return dims * kBlockPositions / Code::kCodesPerByte;
  }
  static constexpr std::size_t bytes(std::size_t head_dim) noexcept {
    const std::size_t dims = coded_dims(head_dim);
    return code_bytes(dims) + dims / Code::kGroup * kBlockPositions +
           kBlockPositions * sizeof(float);
  }
  CodedSide(Byte* side, std::size_t dims) noexcept
      : codes(side),
        multipliers(codes + code_bytes(dims)),
        scales(multipliers + dims / Code::kGroup * kBlockPositions) {}

  // The multipliers and scales of another block's side, `ahead`: its codes are fetched line by line
  // while this one's are at work.
  static void prefetch_rest(const std::byte* ahead, std::size_t dims) noexcept {
    for (std::size_t at = code_bytes(dims); at < bytes(dims); at += 64) prefetch(ahead + at);
  }

  float scale(std::size_t slot) const noexcept {
    float scale;
    __builtin_memcpy(&scale, scales + slot * sizeof scale, sizeof scale);
    return scale;
  }
  static std::uint8_t code_at(const Byte* at, bool high) noexcept {
    if constexpr (Code::kCodesPerByte == 1) return *at;
    return high ? *at >> 4 : *at & 15;
  }
  void put_scale(std::size_t slot, float scale) const noexcept {
    __builtin_memcpy(scales + slot * sizeof scale, &scale, sizeof scale);
  }
  // high: the code's place is a byte's high nibble.
  static void put_code(Byte* at, std::uint8_t code, bool high) noexcept {
    if constexpr (Code::kCodesPerByte == 1) {
      *at = code;
    } else {
      *at = static_cast<std::uint8_t>(high ? (*at & 15) | code << 4 : (*at & 0xf0) | code);
    }
  }
};

// Place says where a side has what.
template <class Code, class Place>
void store_coded(std::byte* side, std::size_t slot, std::size_t head_dim, const float* x) noexcept {
  const std::size_t dims = coded_dims(head_dim);
  const CodedSide<Code, std::uint8_t> to(reinterpret_cast<std::uint8_t*>(side), dims);
  Coded coded;
  encode<Code>(x, head_dim, &coded);
  for (std::size_t d = 0; d < dims; ++d) {
    to.put_code(to.codes + Place::code_at(d, slot, dims), coded.code[d], Place::high(d));
  }
  for (std::size_t g = 0; g < dims / Code::kGroup; ++g) {
    to.multipliers[Place::multiplier_at(g, slot, dims)] =
        static_cast<std::uint8_t>(coded.multiplier[g]);
  }
  to.put_scale(slot, coded.scale);
}

template <class Code, class Place>
void recall_coded(const std::byte* side, std::size_t slot, std::size_t head_dim,
                  float* x) noexcept {
  const std::size_t dims = coded_dims(head_dim);
  const CodedSide<Code, const std::uint8_t> from(reinterpret_cast<const std::uint8_t*>(side), dims);
  Coded coded;
  for (std::size_t d = 0; d < head_dim; ++d) {
    coded.code[d] = from.code_at(from.codes + Place::code_at(d, slot, dims), Place::high(d));
  }
  for (std::size_t g = 0; g < dims / Code::kGroup; ++g) {
    coded.multiplier[g] =
        static_cast<std::int8_t>(from.multipliers[Place::multiplier_at(g, slot, dims)]);
  }
  coded.scale = from.scale(slot);
  decode<Code>(coded, head_dim, x);
}

template <class Code, std::size_t kQueries>
struct CodedKeys {
  static constexpr std::size_t kVectors = kBlockPositions / F32::kLanes;
  static constexpr std::size_t kStep = kVectors < 2 ? kVectors : 2;
  static constexpr std::size_t kRowBytes = 2 * kBlockPositions;                   // codes of 2 dims
  static constexpr std::size_t kFourBytes = 2 * kRowBytes / Code::kCodesPerByte;  // of 4

  alignas(64) std::int16_t query[kHeadDimMax * kQueries];  // [dims/2, kQueries, 2]
  float unit[kQueries];
  std::size_t dims;

  static std::size_t bytes(std::size_t head_dim) noexcept {
    return CodedSide<Code, std::uint8_t>::bytes(head_dim);
  }

  // Where dimension d of a position has its code, and group g its multiplier.
  static std::size_t code_at(std::size_t d, std::size_t slot, std::size_t) noexcept {
    return d / 2 / Code::kCodesPerByte * kRowBytes + slot * 2 + d % 2;
  }
  static bool high(std::size_t d) noexcept { return d / 2 % 2 != 0; }
  static std::size_t multiplier_at(std::size_t g, std::size_t slot, std::size_t) noexcept {
    return g * kBlockPositions + slot;
  }

  static void store(std::byte* side, std::size_t slot, std::size_t head_dim,
                    const float* x) noexcept {
    store_coded<Code, CodedKeys>(side, slot, head_dim, x);
  }
  static void recall(const std::byte* side, std::size_t slot, std::size_t head_dim,
                     float* x) noexcept {
    recall_coded<Code, CodedKeys>(side, slot, head_dim, x);
  }

  void start(std::size_t q, const float* from, std::size_t head_dim, float scale) noexcept {
    dims = coded_dims(head_dim);
    alignas(64) float rotated[kHeadDimMax];
    alignas(64) std::int16_t whole[kHeadDimMax];
    for (std::size_t d = 0; d < dims; ++d) rotated[d] = d < head_dim ? from[d] * scale : 0.0f;
    rotate(rotated, head_dim);
    constexpr std::size_t kFold = kSumLanes / F32::kLanes;
    F32 magnitude[kFold];
    for (F32& m : magnitude) m = broadcast(0.0f);
    for (std::size_t d = 0; d < dims; d += kSumLanes) {
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kFold; ++v) {
        const F32 x = load(rotated + d + v * F32::kLanes);
        magnitude[v] = max(magnitude[v], nan_to_infinity(max(x, negate(x))));
      }
    }
    const float top = max16(magnitude);
    const auto limit = static_cast<float>(query_max(dims));
    unit[q] = top < kInfinity ? top / limit : kNaN;
    const F32 inverse = broadcast(top > 0x1p-100f ? limit / top : 0.0f);
    for (std::size_t d = 0; d < dims; d += F32::kLanes) {
      store_rounded(whole + d, mul(load(rotated + d), inverse));
    }
    for (std::size_t d = 0; d < dims; d += 2) {
      __builtin_memcpy(query + (d / 2 * kQueries + q) * 2, whole + d, 2 * sizeof whole[0]);
    }
  }

  // score[q, key] of a block; `ahead`: the next block's keys, fetched meanwhile.
  [[gnu::noinline]] void multiply(const std::byte* side, const std::byte* ahead,
                                  float* score) const noexcept {
    const CodedSide<Code, const std::uint8_t> keys(reinterpret_cast<const std::uint8_t*>(side),
                                                   dims);
    keys.prefetch_rest(ahead, dims);
#pragma GCC unroll 1
    for (std::size_t first = 0; first < kVectors; first += kStep) {
      I32 sums[kQueries][kStep];
#pragma GCC unroll 16
      for (std::size_t q = 0; q < kQueries; ++q) {
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kStep; ++v) sums[q][v] = zero_sum();
      }
      const std::uint8_t* line = keys.codes + first * 2 * F32::kLanes;
      const std::uint8_t* multipliers = keys.multipliers + first * F32::kLanes;
      const std::int16_t* x = query;
#pragma GCC unroll 1
      for (std::size_t group = 0; group < dims / Code::kGroup; ++group) {
        Pairs multiplier[kStep];
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kStep; ++v)
          multiplier[v] = each_twice(multipliers + v * F32::kLanes);
        multipliers += kBlockPositions;
#pragma GCC unroll 1
        for (std::size_t four = 0; four < Code::kGroup / 4; ++four) {
          const std::byte* const next = ahead + (line - keys.codes);
          for (std::size_t b = 0; b < kFourBytes; b += 64) prefetch(next + b);
          Pairs low[kStep], high[kStep];
#pragma GCC unroll 2
          for (std::size_t v = 0; v < kStep; ++v) {
            Code::load(line + v * 2 * F32::kLanes, kRowBytes, &low[v], &high[v]);
            low[v] = hearth::multiply(low[v], multiplier[v]);
            high[v] = hearth::multiply(high[v], multiplier[v]);
          }
#pragma GCC unroll 16
          for (std::size_t q = 0; q < kQueries; ++q) {
#pragma GCC unroll 2
            for (std::size_t v = 0; v < kStep; ++v) {
              sums[q][v] = dot(sums[q][v], low[v], x + 2 * q);
              sums[q][v] = dot(sums[q][v], high[v], x + 2 * kQueries + 2 * q);
            }
          }
          x += 4 * kQueries;
          line += kFourBytes;
        }
      }
      const auto* scales = reinterpret_cast<const float*>(keys.scales) + first * F32::kLanes;
#pragma GCC unroll 16
      for (std::size_t q = 0; q < kQueries; ++q) {
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kStep; ++v) {
          const F32 each_unit = mul(broadcast(unit[q]), load(scales + v * F32::kLanes));
          hearth::store(score + q * kBlockPositions + (first + v) * F32::kLanes,
                        mul(to_float(sums[q][v]), each_unit));
        }
      }
    }
  }
};

template <class Code, std::size_t kQueries>
struct CodedValues {
  static_assert(Code::kGroup == 16, "the widest vector has one multiplier a position");
  static constexpr bool kRotated = true;
  static constexpr std::size_t kVectors = kBlockPositions / F32::kLanes;
  static constexpr std::size_t kHalf = 16;  // dimensions between a byte's nibbles

  alignas(64) std::int16_t weight[kQueries * kBlockPositions];
  float unit[kQueries];  // 0: the block adds nothing; NaN: a seen value is not finite
  Visible pairs;         // of positions: those that any query sees

  static std::size_t bytes(std::size_t head_dim) noexcept {
    return CodedSide<Code, std::uint8_t>::bytes(head_dim);
  }

  static std::size_t code_at(std::size_t d, std::size_t slot, std::size_t dims) noexcept {
    const std::size_t place = Code::kCodesPerByte == 1 ? d : d / kCodedAlign * kHalf + d % kHalf;
    return slot / 2 * 2 * dims / Code::kCodesPerByte + place * 2 + slot % 2;
  }
  static bool high(std::size_t d) noexcept { return d % kCodedAlign >= kHalf; }
  static std::size_t multiplier_at(std::size_t g, std::size_t slot, std::size_t dims) noexcept {
    return (slot / 2 * (dims / Code::kGroup) + g) * 2 + slot % 2;
  }

  static void store(std::byte* side, std::size_t slot, std::size_t head_dim,
                    const float* x) noexcept {
    store_coded<Code, CodedValues>(side, slot, head_dim, x);
  }
  static void recall(const std::byte* side, std::size_t slot, std::size_t head_dim,
                     float* x) noexcept {
    recall_coded<Code, CodedValues>(side, slot, head_dim, x);
  }

  // The largest scale of the seen slots.
  static float scale_max(const float* scales, Visible seen) noexcept {
    constexpr std::size_t kFold = kSumLanes / F32::kLanes;
    F32 folded[kFold];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kFold; ++v) {
      const std::size_t at = v * F32::kLanes, later = at + kSumLanes;
      folded[v] = hearth::max(keep_range(load(scales + at), at, seen.begin, seen.end),
                              keep_range(load(scales + later), later, seen.begin, seen.end));
    }
    return max16(folded);
  }

  // weight and unit of query q: its p with the value scales. 2^e, e = depth in powers of two, is
  // within sqrt(2) of the largest p, and 2^t ≤ top < 2^(t + 1): p * scale * 2^(11 - e - t) < 2^13.
  void weigh_query(std::size_t q, const float* p, const float* scales, float depth, float top,
                   bool whole) noexcept {
    constexpr std::int32_t kBias = 127;
    const std::int32_t e = depth > kExpMin ? rounded(depth * 0x1.715476p+0f) : -1000;
    const std::int32_t t =
        static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(top) >> 23) - kBias;
    unit[q] = top < kInfinity ? 0.0f : kNaN;
    // Less than 2^-115 adds nothing; nor does a block of zeros (t = -127).
    const bool adds = top > 0.0f && top < kInfinity && e + t >= -115;
    if (adds) unit[q] = std::bit_cast<float>((kBias + e + t - 11) << 23);
    const F32 factor = broadcast(adds ? std::bit_cast<float>((kBias + 11 - e - t) << 23) : 0.0f);
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) {
      const F32 x = load(p + v * F32::kLanes);
      F32 w = mul(mul(x, load(scales + v * F32::kLanes)), factor);
      // p is 0, or at least 2^-126. An unseen slot's scale may be NaN.
      if (!whole) w = zero_below(w, x, 0x1p-126f);
      store_rounded(weight + q * kBlockPositions + v * F32::kLanes, w);
    }
  }

  // acc[q, d] += sum over pairs of positions of weight * value, for the vectors at d and d + 16.
  void add_at(const CodedSide<Code, const std::uint8_t>& values, const std::uint8_t* ahead,
              std::size_t dims, std::size_t d, float* acc) const noexcept {
    const std::size_t row = 2 * dims / Code::kCodesPerByte;
    const std::size_t multiplier_row = 2 * dims / Code::kGroup;
    const std::size_t place =
        Code::kCodesPerByte == 1 ? d : d / kCodedAlign * kHalf + d % kCodedAlign;
    I32 low_sums[kQueries], high_sums[kQueries];
#pragma GCC unroll 16
    for (std::size_t q = 0; q < kQueries; ++q) low_sums[q] = high_sums[q] = zero_sum();
#pragma GCC unroll 1
    for (std::size_t pair = pairs.begin; pair < pairs.end; ++pair) {
      const std::uint8_t* const multipliers =
          values.multipliers + pair * multiplier_row + d / Code::kGroup * 2;
      Pairs low, high;
      Code::load(values.codes + pair * row + place * 2, 2 * kHalf, &low, &high);
      prefetch(ahead + pair * row + place * 2);
      low = multiply(low, repeat_pair(multipliers));
      high = multiply(high, repeat_pair(multipliers + 2 * kHalf / Code::kGroup));
#pragma GCC unroll 16
      for (std::size_t q = 0; q < kQueries; ++q) {
        low_sums[q] = dot(low_sums[q], low, weight + q * kBlockPositions + 2 * pair);
      }
#pragma GCC unroll 16
      for (std::size_t q = 0; q < kQueries; ++q) {
        high_sums[q] = dot(high_sums[q], high, weight + q * kBlockPositions + 2 * pair);
      }
    }
#pragma GCC unroll 16
    for (std::size_t q = 0; q < kQueries; ++q) {
      if (unit[q] <= 0.0f) continue;
      float* const at = acc + q * dims + d;
      hearth::store(at, fma(to_float(low_sums[q]), broadcast(unit[q]), load(at)));
      hearth::store(at + kHalf, fma(to_float(high_sums[q]), broadcast(unit[q]), load(at + kHalf)));
    }
  }

  [[gnu::noinline]] void weigh(const std::byte* side, const TileState<kQueries>& state) noexcept {
    const CodedSide<Code, const std::uint8_t> values(reinterpret_cast<const std::uint8_t*>(side),
                                                     state.stride);
    const auto* const scales = reinterpret_cast<const float*>(values.scales);
    const float top = scale_max(scales, {0, kBlockPositions});
    pairs = {kBlockPositions, 0};
    for (std::size_t q = 0; q < kQueries; ++q) {
      const Visible& seen = state.seen[q];
      if (seen.begin >= seen.end) {
        unit[q] = 0.0f;
        __builtin_memset(weight + q * kBlockPositions, 0, kBlockPositions * sizeof weight[0]);
        continue;
      }
      const bool whole = seen.begin == 0 && seen.end == kBlockPositions;
      weigh_query(q, state.score + q * kBlockPositions, scales, state.depth[q],
                  whole ? top : scale_max(scales, seen), whole);
      pairs.begin = seen.begin / 2 < pairs.begin ? seen.begin / 2 : pairs.begin;
      pairs.end = (seen.end + 1) / 2 > pairs.end ? (seen.end + 1) / 2 : pairs.end;
    }
  }

  [[gnu::noinline]] void add(const std::byte* side, const std::byte* ahead,
                             TileState<kQueries>& state) noexcept {
    const std::size_t dims = state.stride;
    const CodedSide<Code, const std::uint8_t> values(reinterpret_cast<const std::uint8_t*>(side),
                                                     dims);
    values.prefetch_rest(ahead, dims);
    for (std::size_t chunk = 0; chunk < dims; chunk += kCodedAlign) {
      for (std::size_t d = 0; d < kHalf; d += F32::kLanes) {
        add_at(values, reinterpret_cast<const std::uint8_t*>(ahead), dims, chunk + d, state.acc);
      }
    }
  }
};

}  // namespace
}  // namespace hearth
