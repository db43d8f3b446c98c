// Attention on F32, written once: an ISA file includes its vector header, then this one, and
// instantiates Attention<Element, kQueries> for its tables (Element: float, or std::uint16_t for
// halves).
//
// A block: keys [head_dim][32 positions], then values [32 positions][head_dim rounded up to 16].
// The score of a key is a lane, so its products over d are one chain of fused multiply-adds and no
// sum runs across lanes; a value's dimension is a lane, so the chain runs over keys. kQueries
// queries (rows and heads alike) share every load of a key or value; none of a query's numbers
// depends on its neighbours.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "kernels/vector/exp.h"

namespace hearth {
namespace {

constexpr std::size_t kValueAlign = 16;  // elements: the widest vector
constexpr std::size_t kSumLanes = 16;
constexpr float kInfinity = __builtin_inff();

constexpr std::size_t padded(std::size_t head_dim) noexcept {
  return (head_dim + kValueAlign - 1) / kValueAlign * kValueAlign;
}

template <class Element>
struct BlockView {
  const Element* keys;    // [head_dim, 32]
  const Element* values;  // [32, padded(head_dim)]

  BlockView(const std::byte* block, std::size_t head_dim) noexcept
      : keys(reinterpret_cast<const Element*>(block)), values(keys + head_dim * kBlockPositions) {}
};

// Keys of a block that a query sees: begin ≤ slot < end.
struct Visible {
  std::size_t begin, end;
};

inline std::size_t clamp(std::size_t value, std::size_t low, std::size_t high) noexcept {
  return value < low ? low : value > high ? high : value;
}

inline Visible visible(const AttentionTile& tile, std::size_t query,
                       std::size_t block_begin) noexcept {
  const std::size_t after = tile.first_position + query / tile.group + 1;
  const std::size_t first = tile.window == 0 || after <= tile.window ? 0 : after - tile.window;
  const std::size_t last = after < tile.key_end ? after : tile.key_end;
  const std::size_t block_end = block_begin + kBlockPositions;
  return {clamp(first, block_begin, block_end) - block_begin,
          clamp(last, block_begin, block_end) - block_begin};
}

template <class Element>
inline Element to_element(float x) noexcept {
  if constexpr (sizeof(Element) == sizeof(float)) {
    return x;
  } else {
    return to_half(x);
  }
}

// exp(x) of one number, by the vectors' formula.
inline float exp_scalar(float x) noexcept {
  float lanes[F32::kLanes];
  store(lanes, exp(broadcast(x)));
  return lanes[0];
}

// The state of `kQueries` queries and what a block adds to it.
template <class Element, std::size_t kQueries>
struct QueryTile {
  static constexpr std::size_t kLanes = F32::kLanes;
  static constexpr std::size_t kVectors = kBlockPositions / kLanes;  // of a block's scores
  static constexpr std::size_t kStep = kVectors < 2 ? kVectors : 2;  // vectors in flight per query

  alignas(64) float query[kHeadDimMax * kQueries];  // [head_dim, kQueries], scaled
  alignas(64) float acc[kQueries * kHeadDimMax];    // [kQueries, padded(head_dim)]
  alignas(64) float score[kQueries * kBlockPositions];
  float max[kQueries];
  float sum[kQueries];
  Visible seen[kQueries];
  std::size_t head_dim;
  const Element* ahead;  // the values that come next: fetched while these are used

  float* acc_row(std::size_t q) noexcept { return acc + q * padded(head_dim); }

  void start(const AttentionTile& tile, std::size_t first) noexcept {
    head_dim = tile.head_dim;
    for (std::size_t q = 0; q < kQueries; ++q) {
      const std::size_t row = (first + q) / tile.group, head = (first + q) % tile.group;
      const float* from = tile.queries + row * tile.query_stride + head * head_dim;
      for (std::size_t d = 0; d < head_dim; ++d) query[d * kQueries + q] = from[d] * tile.scale;
      max[q] = -kInfinity;
      sum[q] = 0.0f;
    }
    __builtin_memset(acc, 0, kQueries * padded(head_dim) * sizeof(float));
  }

  void finish(const AttentionTile& tile, std::size_t first) noexcept {
    __builtin_memcpy(tile.max + first, max, sizeof max);
    __builtin_memcpy(tile.sum + first, sum, sizeof sum);
    for (std::size_t q = 0; q < kQueries; ++q) {
      __builtin_memcpy(tile.acc + (first + q) * head_dim, acc_row(q), head_dim * sizeof(float));
    }
  }

  // score[q, key] = sum over d of query[d, q] * keys[d, key]. `keys_ahead`: to fetch meanwhile.
  void multiply_keys(const Element* keys, const Element* keys_ahead) noexcept {
#pragma GCC unroll 1
    for (std::size_t first = 0; first < kVectors; first += kStep) {
      F32 sums[kQueries][kStep];
#pragma GCC unroll 16
      for (std::size_t q = 0; q < kQueries; ++q) {
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kStep; ++v) sums[q][v] = broadcast(0.0f);
      }
#pragma GCC unroll 1
      for (std::size_t d = 0; d < head_dim; ++d) {
        const Element* line = keys + d * kBlockPositions + first * kLanes;
        prefetch(keys_ahead + d * kBlockPositions + first * kLanes);
        F32 key[kStep];
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kStep; ++v) key[v] = load(line + v * kLanes);
#pragma GCC unroll 16
        for (std::size_t q = 0; q < kQueries; ++q) {
          const F32 x = broadcast(query[d * kQueries + q]);
#pragma GCC unroll 2
          for (std::size_t v = 0; v < kStep; ++v) sums[q][v] = fma(x, key[v], sums[q][v]);
        }
      }
#pragma GCC unroll 16
      for (std::size_t q = 0; q < kQueries; ++q) {
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kStep; ++v) {
          store(score + q * kBlockPositions + (first + v) * kLanes, sums[q][v]);
        }
      }
    }
  }

  // score[q] becomes p = exp(s - m'), exactly 0 for keys that q does not see; max, sum and acc
  // follow.
  void soften(std::size_t q) noexcept {
    constexpr std::size_t kHalf = kSumLanes / kLanes;
    float* const row = score + q * kBlockPositions;
    F32 s[kVectors], folded[kHalf];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) s[v] = load(row + v * kLanes);
    if (seen[q].begin > 0 || seen[q].end < kBlockPositions) {
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v) {
        s[v] = keep_range(s[v], v * kLanes, seen[q].begin, seen[q].end);
      }
    }
#pragma GCC unroll 2
    for (std::size_t v = 0; v < kHalf; ++v) folded[v] = hearth::max(s[v], s[v + kHalf]);
    const float block_max = max16(folded);
    if (block_max > max[q]) {
      const float shrink = exp_scalar(max[q] - block_max);
      max[q] = block_max;
      sum[q] *= shrink;
      float* const to = acc_row(q);
      for (std::size_t d = 0; d < padded(head_dim); d += kLanes) {
        store(to + d, mul(load(to + d), broadcast(shrink)));
      }
    }
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) {
      s[v] = exp(sub(s[v], broadcast(max[q])));
      store(row + v * kLanes, s[v]);
    }
#pragma GCC unroll 2
    for (std::size_t v = 0; v < kHalf; ++v) folded[v] = add(s[v], s[v + kHalf]);
    sum[q] += sum16(folded);
  }

  // acc[q, d] += p[q, key] * values[key, d] over keys of `range`, for kCount queries from `first`
  // on and kWidth vectors of dimensions from `d` on.
  template <std::size_t kCount, std::size_t kWidth>
  void add_values(const Element* values, std::size_t first, std::size_t d, Visible range) noexcept {
    const std::size_t stride = padded(head_dim);
    F32 sums[kCount][kWidth];
#pragma GCC unroll 16
    for (std::size_t q = 0; q < kCount; ++q) {
#pragma GCC unroll 2
      for (std::size_t v = 0; v < kWidth; ++v)
        sums[q][v] = load(acc_row(first + q) + d + v * kLanes);
    }
#pragma GCC unroll 1
    for (std::size_t key = range.begin; key < range.end; ++key) {
      F32 value[kWidth];
      if constexpr (kCount == kQueries) prefetch(ahead + key * stride + d);
#pragma GCC unroll 2
      for (std::size_t v = 0; v < kWidth; ++v)
        value[v] = load(values + key * stride + d + v * kLanes);
#pragma GCC unroll 16
      for (std::size_t q = 0; q < kCount; ++q) {
        const F32 p = broadcast(score[(first + q) * kBlockPositions + key]);
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kWidth; ++v) sums[q][v] = fma(p, value[v], sums[q][v]);
      }
    }
#pragma GCC unroll 16
    for (std::size_t q = 0; q < kCount; ++q) {
#pragma GCC unroll 2
      for (std::size_t v = 0; v < kWidth; ++v)
        store(acc_row(first + q) + d + v * kLanes, sums[q][v]);
    }
  }

  template <std::size_t kCount>
  void add_values(const Element* values, std::size_t first, Visible range) noexcept {
    if (range.begin >= range.end) return;
    std::size_t d = 0;
    for (; d + 2 * kLanes <= padded(head_dim); d += 2 * kLanes) {
      add_values<kCount, 2>(values, first, d, range);
    }
    if (d < padded(head_dim)) add_values<kCount, 1>(values, first, d, range);
  }

  // Values of keys that a query does not see are not touched for it: they may be NaN or infinite,
  // and 0 * NaN is not 0. Keys that all queries see go together; the few before and after, query by
  // query, still ascending.
  void add_visible_values(const Element* values) noexcept {
    Visible common = {0, kBlockPositions};
    for (const Visible& range : seen) {
      if (range.begin > common.begin) common.begin = range.begin;
      if (range.end < common.end) common.end = range.end;
    }
    if (common.begin >= common.end) {
      for (std::size_t q = 0; q < kQueries; ++q) add_values<1>(values, q, seen[q]);
      return;
    }
    for (std::size_t q = 0; q < kQueries; ++q)
      add_values<1>(values, q, {seen[q].begin, common.begin});
    add_values<kQueries>(values, 0, common);
    for (std::size_t q = 0; q < kQueries; ++q) add_values<1>(values, q, {common.end, seen[q].end});
  }

  static void attend(const AttentionTile& tile, std::size_t first) noexcept {
    QueryTile state;
    state.start(tile, first);
    for (std::size_t begin = tile.key_begin; begin < tile.key_end; begin += kBlockPositions) {
      const std::byte* const* block = tile.blocks + (begin - tile.key_begin) / kBlockPositions;
      const bool last = begin + kBlockPositions >= tile.key_end;
      bool any = false;
      for (std::size_t q = 0; q < kQueries; ++q) {
        state.seen[q] = visible(tile, first + q, begin);
        any = any || state.seen[q].begin < state.seen[q].end;
      }
      if (!any) continue;
      const BlockView<Element> view(*block, tile.head_dim),
          next(last ? *block : block[1], tile.head_dim);
      state.ahead = next.values;
      state.multiply_keys(view.keys, next.keys);
      for (std::size_t q = 0; q < kQueries; ++q) {
        if (state.seen[q].begin < state.seen[q].end) state.soften(q);
      }
      state.add_visible_values(view.values);
    }
    state.finish(tile, first);
  }
};

template <class Element, std::size_t kCount, std::size_t kQueries>
inline void attend_some(const AttentionTile& tile, std::size_t first, std::size_t count) noexcept {
  if (count == kCount) {
    QueryTile<Element, kCount>::attend(tile, first);
  } else if constexpr (kCount < kQueries) {
    attend_some<Element, kCount + 1, kQueries>(tile, first, count);
  }
}

// Cuts the tile's rows × group queries into as few register tiles of ≤ kQueries as hold them, of
// near equal size.
template <class Element, std::size_t kQueries>
void attend(const AttentionTile& tile) noexcept {
  CHECK(tile.head_dim <= kHeadDimMax);
  const std::size_t queries = tile.rows * tile.group;
  for (std::size_t first = 0; first < queries;) {
    const std::size_t left = queries - first, tiles = (left + kQueries - 1) / kQueries;
    const std::size_t count = (left + tiles - 1) / tiles;
    attend_some<Element, 1, kQueries>(tile, first, count);
    first += count;
  }
}

template <class Element>
std::size_t block_bytes(std::size_t head_dim) noexcept {
  return kBlockPositions * (head_dim + padded(head_dim)) * sizeof(Element);
}

template <class Element>
void store_position(std::byte* block, std::size_t slot, std::size_t head_dim, const float* k,
                    const float* v) noexcept {
  Element* const keys = reinterpret_cast<Element*>(block);
  Element* const values = keys + head_dim * kBlockPositions + slot * padded(head_dim);
  for (std::size_t d = 0; d < head_dim; ++d) {
    keys[d * kBlockPositions + slot] = to_element<Element>(k[d]);
  }
  for (std::size_t d = 0; d < head_dim; ++d) values[d] = to_element<Element>(v[d]);
}

template <class Op>
inline void map(const float* a, const float* b, std::size_t n, float* out, Op op) noexcept {
  std::size_t i = 0;
  for (; i + F32::kLanes <= n; i += F32::kLanes) store(out + i, op(load(a + i), load(b + i)));
  if (i < n) {
    const std::size_t left = n - i;
    store_first(out + i, op(load_first(a + i, left), load_first(b + i, left)), left);
  }
}

void merge(const AttentionState& state, const AttentionState& later,
           std::size_t head_dim) noexcept {
  if (*later.max == -kInfinity) return;
  const float top = *later.max > *state.max ? *later.max : *state.max;
  const float shrink = exp_scalar(*state.max - top), later_shrink = exp_scalar(*later.max - top);
  *state.max = top;
  *state.sum = *state.sum * shrink + *later.sum * later_shrink;
  map(state.acc, later.acc, head_dim, state.acc, [=](F32 mine, F32 added) noexcept {
    return fma(added, broadcast(later_shrink), mul(mine, broadcast(shrink)));
  });
}

void finish(const float* acc, float sum, std::size_t head_dim, float* out) noexcept {
  map(acc, acc, head_dim, out, [=](F32 x, F32) noexcept { return div(x, broadcast(sum)); });
}

template <class Element, std::size_t kQueries>
constexpr AttentionKernel table(Isa isa, CacheType type) noexcept {
  return {isa,   type,  block_bytes<Element>, store_position<Element>, attend<Element, kQueries>,
          merge, finish};
}

}  // namespace
}  // namespace hearth
