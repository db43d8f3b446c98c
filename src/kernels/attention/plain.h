// Keys and values of f32 and f16, and attention on them in f32 (Element: float, or std::uint16_t
// for halves); and what every type shares: what a query sees, and the state of a tile.
//
// A block's keys are [head_dim][32 positions], its values [32 positions][head_dim rounded up to
// 16]. The score of a key is a lane, so its products over d are one chain of fused multiply-adds
// and no sum runs across lanes; a value's dimension is a lane, so the chain runs over keys.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "kernels/attention/attention.h"
#include "kernels/vector/exp.h"

namespace hearth {
namespace {

constexpr std::size_t kValueAlign = 16;  // elements: the widest vector
constexpr std::size_t kStateAlign = 32;  // floats of a row of acc: what the coded values need
constexpr std::size_t kSumLanes = 16;
constexpr float kInfinity = __builtin_inff();

constexpr std::size_t aligned(std::size_t count, std::size_t alignment) noexcept {
  return (count + alignment - 1) / alignment * alignment;
}
constexpr std::size_t padded(std::size_t head_dim) noexcept {
  return aligned(head_dim, kValueAlign);
}

// Keys of a block that a query sees: begin ≤ slot < end.
struct Visible {
  std::size_t begin, end;
};

// exp(x) of one number, by the vectors' formula.
inline float exp_scalar(float x) noexcept {
  float lanes[F32::kLanes];
  store(lanes, exp(broadcast(x)));
  return lanes[0];
}

// The state of kQueries queries.
template <std::size_t kQueries>
struct TileState {
  static constexpr std::size_t kLanes = F32::kLanes;
  static constexpr std::size_t kVectors = kBlockPositions / kLanes;  // of a block's scores
  static constexpr std::size_t kFold = kSumLanes / kLanes;           // of half of them
  static constexpr std::size_t kPadded = aligned(kQueries, kLanes);  // whole vectors of queries

  alignas(64) float acc[kQueries * kHeadDimMax];            // [kQueries, stride]
  alignas(64) float scores[2][kQueries * kBlockPositions];  // of a block, and of the next one
  float* score;                                             // one of the two: the block at hand
  float max[kPadded];
  float sum[kPadded];
  float depth[kPadded];  // the block's largest score - max: its largest p is exp of that
  Visible seen[kQueries];
  std::size_t head_dim;
  std::size_t stride;

  void start(std::size_t dim) noexcept {
    score = scores[0];
    head_dim = dim;
    stride = aligned(dim, kStateAlign);
    for (std::size_t q = 0; q < kPadded; ++q) {
      max[q] = -kInfinity;
      sum[q] = 0.0f;
    }
    __builtin_memset(acc, 0, kQueries * stride * sizeof(float));
  }

  float* acc_row(std::size_t q) noexcept { return acc + q * stride; }

  static bool sees_any(const Visible& range) noexcept { return range.begin < range.end; }

  // The largest score of a block; slots that q does not see become -inf.
  float largest_seen(std::size_t q) noexcept {
    float* const row = score + q * kBlockPositions;
    F32 s[kVectors], folded[kFold];
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) s[v] = load(row + v * kLanes);
    if (seen[q].begin > 0 || seen[q].end < kBlockPositions) {
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kVectors; ++v) {
        s[v] = keep_range(s[v], v * kLanes, seen[q].begin, seen[q].end);
        store(row + v * kLanes, s[v]);
      }
    }
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kFold; ++v) folded[v] = hearth::max(s[v], s[v + kFold]);
    return max16(folded);
  }

  // score[q] becomes p = exp(s - max[q]); their sum.
  float weigh(std::size_t q) noexcept {
    float* const row = score + q * kBlockPositions;
    F32 p[kVectors], folded[kFold];
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) {
      p[v] = exp(sub(load(row + v * kLanes), broadcast(max[q])));
      store(row + v * kLanes, p[v]);
    }
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kFold; ++v) folded[v] = add(p[v], p[v + kFold]);
    return sum16(folded);
  }

  // Scores become p = exp(s - m'), exactly 0 for keys that a query does not see; max, sum and acc
  // follow. All queries at once: a query's maximum, its exp and its sum each wait for the one
  // before, but not for another query's. Who sees nothing keeps its state: its shrink is 1.
  [[gnu::noinline]] void soften() noexcept {
    alignas(64) float top[kPadded], shrink[kPadded], added[kPadded];
    for (std::size_t q = 0; q < kPadded; ++q) {
      top[q] = -kInfinity;
      added[q] = 0.0f;
    }
#pragma GCC unroll 1
    for (std::size_t q = 0; q < kQueries; ++q) top[q] = largest_seen(q);
    const F32 one = broadcast(1.0f);
    for (std::size_t q = 0; q < kPadded; q += kLanes) {
      const F32 before = load(max + q), block = load(top + q);
      const F32 now = hearth::max(block, before), step = sub(before, now);
      store(max + q, now);
      store(depth + q, sub(block, now));
      store(shrink + q, if_negative(step, exp(step), one));
    }
#pragma GCC unroll 1
    for (std::size_t q = 0; q < kQueries; ++q) {
      if (sees_any(seen[q])) added[q] = weigh(q);
    }
    for (std::size_t q = 0; q < kPadded; q += kLanes) {
      store(sum + q, add(mul(load(sum + q), load(shrink + q)), load(added + q)));
    }
    for (std::size_t q = 0; q < kQueries; ++q) {
      if (shrink[q] != 1.0f) scale(q, shrink[q]);
    }
  }

  void scale(std::size_t q, float factor) noexcept {
    float* const to = acc_row(q);
    for (std::size_t d = 0; d < stride; d += kLanes) {
      store(to + d, mul(load(to + d), broadcast(factor)));
    }
  }
};

template <class Element>
inline Element to_element(float x) noexcept {
  if constexpr (sizeof(Element) == sizeof(float)) {
    return x;
  } else {
    return to_half(x);
  }
}

inline float to_f32(float x) noexcept { return x; }
inline float to_f32(std::uint16_t half) noexcept { return half_to_float(half); }

template <class Element>
constexpr CacheType plain_type() noexcept {
  return sizeof(Element) == sizeof(float) ? CacheType::kF32 : CacheType::kF16;
}

template <class Element, std::size_t kQueries>
struct PlainKeys {
  static constexpr std::size_t kLanes = F32::kLanes;
  static constexpr std::size_t kVectors = kBlockPositions / kLanes;
  static constexpr std::size_t kStep = kVectors < 2 ? kVectors : 2;  // vectors in flight per query

  // A line more than the longest query: queries do not fall on the same sets of the L1 cache.
  static constexpr std::size_t kStride = kHeadDimMax + 16;

  alignas(64) float query[kQueries * kStride];  // scaled
  std::size_t dims;

  static std::size_t bytes(std::size_t head_dim) noexcept {
    return kBlockPositions * head_dim * sizeof(Element);
  }
  static void store(std::byte* side, std::size_t slot, std::size_t head_dim,
                    const float* x) noexcept {
    auto* const keys = reinterpret_cast<Element*>(side);
    for (std::size_t d = 0; d < head_dim; ++d) {
      keys[d * kBlockPositions + slot] = to_element<Element>(x[d]);
    }
  }
  static void recall(const std::byte* side, std::size_t slot, std::size_t head_dim,
                     float* x) noexcept {
    const auto* const keys = reinterpret_cast<const Element*>(side);
    for (std::size_t d = 0; d < head_dim; ++d) x[d] = to_f32(keys[d * kBlockPositions + slot]);
  }

  void start(std::size_t q, const float* from, std::size_t head_dim, float scale) noexcept {
    dims = head_dim;
    for (std::size_t d = 0; d < head_dim; ++d) query[q * kStride + d] = from[d] * scale;
  }

  // score[q, key] = sum over d of query[q, d] * keys[d, key]. `ahead`: to fetch meanwhile.
  [[gnu::noinline]] void multiply(const std::byte* side, const std::byte* ahead,
                                  float* score) const noexcept {
    const auto* const keys = reinterpret_cast<const Element*>(side);
    const auto* const keys_ahead = reinterpret_cast<const Element*>(ahead);
#pragma GCC unroll 1
    for (std::size_t first = 0; first < kVectors; first += kStep) {
      F32 sums[kQueries][kStep];
#pragma GCC unroll 16
      for (std::size_t q = 0; q < kQueries; ++q) {
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kStep; ++v) sums[q][v] = broadcast(0.0f);
      }
#pragma GCC unroll 1
      for (std::size_t d = 0; d < dims; ++d) {
        const Element* line = keys + d * kBlockPositions + first * kLanes;
        prefetch(keys_ahead + d * kBlockPositions + first * kLanes);
        F32 key[kStep];
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kStep; ++v) key[v] = load(line + v * kLanes);
#pragma GCC unroll 16
        for (std::size_t q = 0; q < kQueries; ++q) {
          const F32 x = broadcast(query[q * kStride + d]);
#pragma GCC unroll 2
          for (std::size_t v = 0; v < kStep; ++v) sums[q][v] = fma(x, key[v], sums[q][v]);
        }
      }
#pragma GCC unroll 16
      for (std::size_t q = 0; q < kQueries; ++q) {
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kStep; ++v) {
          hearth::store(score + q * kBlockPositions + (first + v) * kLanes, sums[q][v]);
        }
      }
    }
  }
};

template <class Element, std::size_t kQueries>
struct PlainValues {
  static constexpr bool kRotated = false;
  static constexpr std::size_t kLanes = F32::kLanes;
  static constexpr std::size_t kPerLine = 64 / (kLanes * sizeof(Element));  // vectors
  // Of few queries, four vectors of dimensions are as many chains as the registers hold, in half
  // the passes: sums, values and one p in 32 registers.
  static constexpr bool kWide = kLanes == 16 && 4 * kQueries + 5 <= 32;

  static std::size_t bytes(std::size_t head_dim) noexcept {
    return kBlockPositions * padded(head_dim) * sizeof(Element);
  }
  static void store(std::byte* side, std::size_t slot, std::size_t head_dim,
                    const float* x) noexcept {
    Element* const values = reinterpret_cast<Element*>(side) + slot * padded(head_dim);
    for (std::size_t d = 0; d < head_dim; ++d) values[d] = to_element<Element>(x[d]);
  }
  static void recall(const std::byte* side, std::size_t slot, std::size_t head_dim,
                     float* x) noexcept {
    const auto* values = reinterpret_cast<const Element*>(side) + slot * padded(head_dim);
    for (std::size_t d = 0; d < head_dim; ++d) x[d] = to_f32(values[d]);
  }

  // acc[q, d] += p[q, key] * values[key, d] over keys of `range`, for kCount queries from `first`
  // on and kWidth vectors of dimensions from `d` on.
  template <std::size_t kCount, std::size_t kWidth>
  static void add_at(const Element* values, const Element* ahead, TileState<kQueries>& state,
                     std::size_t first, std::size_t d, Visible range) noexcept {
    const std::size_t row = padded(state.head_dim);
    F32 sums[kCount][kWidth];
#pragma GCC unroll 16
    for (std::size_t q = 0; q < kCount; ++q) {
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kWidth; ++v)
        sums[q][v] = load(state.acc_row(first + q) + d + v * kLanes);
    }
#pragma GCC unroll 1
    for (std::size_t key = range.begin; key < range.end; ++key) {
      F32 value[kWidth];
      if constexpr (kCount == kQueries) {
        for (std::size_t v = 0; v < kWidth; v += kPerLine) {
          prefetch(ahead + key * row + d + v * kLanes);
        }
      }
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kWidth; ++v) value[v] = load(values + key * row + d + v * kLanes);
#pragma GCC unroll 16
      for (std::size_t q = 0; q < kCount; ++q) {
        const F32 p = broadcast(state.score[(first + q) * kBlockPositions + key]);
#pragma GCC unroll 4
        for (std::size_t v = 0; v < kWidth; ++v) sums[q][v] = fma(p, value[v], sums[q][v]);
      }
    }
#pragma GCC unroll 16
    for (std::size_t q = 0; q < kCount; ++q) {
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kWidth; ++v)
        hearth::store(state.acc_row(first + q) + d + v * kLanes, sums[q][v]);
    }
  }

  template <std::size_t kCount>
  static void add_some(const Element* values, const Element* ahead, TileState<kQueries>& state,
                       std::size_t first, Visible range) noexcept {
    if (range.begin >= range.end) return;
    const std::size_t row = padded(state.head_dim);
    std::size_t d = 0;
    if constexpr (kWide) {
      for (; d + 4 * kLanes <= row; d += 4 * kLanes) {
        add_at<kCount, 4>(values, ahead, state, first, d, range);
      }
    }
    for (; d + 2 * kLanes <= row; d += 2 * kLanes) {
      add_at<kCount, 2>(values, ahead, state, first, d, range);
    }
    if (d < row) add_at<kCount, 1>(values, ahead, state, first, d, range);
  }

  void weigh(const std::byte*, const TileState<kQueries>&) noexcept {}

  // Values of keys that a query does not see are not touched for it: they may be NaN or infinite,
  // and 0 * NaN is not 0. Keys that all queries see go together; the few before and after, query by
  // query, still ascending.
  [[gnu::noinline]] void add(const std::byte* side, const std::byte* side_ahead,
                             TileState<kQueries>& state) noexcept {
    const auto* const values = reinterpret_cast<const Element*>(side);
    const auto* const ahead = reinterpret_cast<const Element*>(side_ahead);
    Visible common = {0, kBlockPositions};
    for (const Visible& range : state.seen) {
      if (range.begin > common.begin) common.begin = range.begin;
      if (range.end < common.end) common.end = range.end;
    }
    if (common.begin >= common.end) {
      for (std::size_t q = 0; q < kQueries; ++q)
        add_some<1>(values, ahead, state, q, state.seen[q]);
      return;
    }
    for (std::size_t q = 0; q < kQueries; ++q)
      add_some<1>(values, ahead, state, q, {state.seen[q].begin, common.begin});
    add_some<kQueries>(values, ahead, state, 0, common);
    for (std::size_t q = 0; q < kQueries; ++q)
      add_some<1>(values, ahead, state, q, {common.end, state.seen[q].end});
  }
};

}  // namespace
}  // namespace hearth
