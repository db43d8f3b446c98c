// Attention, written once: an ISA file includes its vector's and its pairs' headers, then this one,
// and makes its tables with kernels(). Keys and values have types of their own (plain.h, coded.h);
// a tile is a pair of them around one state.
//
// A block: its keys, then its values. kQueries queries (rows and heads alike) share every load of a
// key or value; none of a query's numbers depends on its neighbours.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "kernels/attention/coded.h"
#include "kernels/attention/plain.h"

namespace hearth {
namespace {

// A type of keys or values, for any number of queries.
template <class Element>
struct Plain {
  static constexpr CacheType kType = plain_type<Element>();
  template <std::size_t kQueries>
  using Keys = PlainKeys<Element, kQueries>;
  template <std::size_t kQueries>
  using Values = PlainValues<Element, kQueries>;
};
template <class KeyCode, class ValueCode>
struct Integer {
  static constexpr CacheType kType = KeyCode::kType;
  template <std::size_t kQueries>
  using Keys = CodedKeys<KeyCode, kQueries>;
  template <std::size_t kQueries>
  using Values = CodedValues<ValueCode, kQueries>;
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

template <class Key, class Value, std::size_t kQueries>
struct QueryTile {
  TileState<kQueries> state;
  typename Key::template Keys<kQueries> keys;
  typename Value::template Values<kQueries> values;

  static const float* query_at(const AttentionTile& tile, std::size_t q) noexcept {
    return tile.queries + q / tile.group * tile.query_stride + q % tile.group * tile.head_dim;
  }

  void start(const AttentionTile& tile, std::size_t first) noexcept {
    state.start(tile.head_dim);
    for (std::size_t q = 0; q < kQueries; ++q) {
      keys.start(q, query_at(tile, first + q), tile.head_dim, tile.scale);
    }
    // Rows of queries are too far apart for the processor to foresee the next tile's.
    const std::size_t queries = tile.rows * tile.group;
    for (std::size_t q = first + kQueries; q < first + 2 * kQueries && q < queries; ++q) {
      const float* const next = query_at(tile, q);
      for (std::size_t d = 0; d < tile.head_dim; d += 64 / sizeof(float)) prefetch(next + d);
    }
  }

  void finish(const AttentionTile& tile, std::size_t first) noexcept {
    __builtin_memcpy(tile.max + first, state.max, kQueries * sizeof(float));
    __builtin_memcpy(tile.sum + first, state.sum, kQueries * sizeof(float));
    for (std::size_t q = 0; q < kQueries; ++q) {
      __builtin_memcpy(tile.acc + (first + q) * tile.head_dim, state.acc_row(q),
                       tile.head_dim * sizeof(float));
    }
  }

  // What each query sees of a block; whether one sees anything.
  static bool look(const AttentionTile& tile, std::size_t first, std::size_t begin,
                   Visible* seen) noexcept {
    bool any = false;
    for (std::size_t q = 0; q < kQueries; ++q) {
      seen[q] = visible(tile, first + q, begin);
      any = any || seen[q].begin < seen[q].end;
    }
    return any;
  }

  // The blocks that are seen follow each other. A block's keys are multiplied between the softmax
  // and the values of the block before: its latency is hidden by work that does not wait for it.
  static void attend(const AttentionTile& tile, std::size_t first) noexcept {
    const std::size_t key_bytes = decltype(keys)::bytes(tile.head_dim);
    const std::size_t count =
        (tile.key_end - tile.key_begin + kBlockPositions - 1) / kBlockPositions;
    QueryTile self;
    self.start(tile, first);
    TileState<kQueries>& state = self.state;
    const auto begin_of = [&](std::size_t block) noexcept {
      return tile.key_begin + block * kBlockPositions;
    };
    // The last block has itself ahead where the caller knows of nothing later.
    const auto ahead = [&](std::size_t block) noexcept {
      return block + 1 < count      ? tile.blocks[block + 1]
             : tile.next != nullptr ? tile.next
                                    : tile.blocks[block];
    };
    std::size_t block = 0;
    while (block < count && !look(tile, first, begin_of(block), state.seen)) ++block;
    bool any = block < count;
    if (any) self.keys.multiply(tile.blocks[block], ahead(block), state.score);
    for (; any; ++block) {
      const std::byte* const values_at = tile.blocks[block] + key_bytes;
      float* const next_score = state.scores[state.score == state.scores[0] ? 1 : 0];
      state.soften();
      self.values.weigh(values_at, state);
      Visible next_seen[kQueries];
      any = block + 1 < count && look(tile, first, begin_of(block + 1), next_seen);
      if (any) self.keys.multiply(tile.blocks[block + 1], ahead(block + 1), next_score);
      self.values.add(values_at, ahead(block) + key_bytes, state);
      if (any) __builtin_memcpy(state.seen, next_seen, sizeof next_seen);
      state.score = next_score;
    }
    self.finish(tile, first);
  }
};

template <class Key, class Value, std::size_t kCount, std::size_t kQueries>
inline void attend_some(const AttentionTile& tile, std::size_t first, std::size_t count) noexcept {
  if (count == kCount) {
    QueryTile<Key, Value, kCount>::attend(tile, first);
  } else if constexpr (kCount < kQueries) {
    attend_some<Key, Value, kCount + 1, kQueries>(tile, first, count);
  }
}

// Cuts the tile's rows × group queries into as few register tiles of ≤ kQueries as hold them, of
// near equal size.
template <class Key, class Value, std::size_t kQueries>
void attend(const AttentionTile& tile) noexcept {
  CHECK(tile.head_dim <= kHeadDimMax);
  const std::size_t queries = tile.rows * tile.group;
  for (std::size_t first = 0; first < queries;) {
    const std::size_t left = queries - first, tiles = (left + kQueries - 1) / kQueries;
    const std::size_t count = (left + tiles - 1) / tiles;
    attend_some<Key, Value, 1, kQueries>(tile, first, count);
    first += count;
  }
}

template <class Key, class Value>
std::size_t block_bytes(std::size_t head_dim) noexcept {
  return aligned(
      Key::template Keys<1>::bytes(head_dim) + Value::template Values<1>::bytes(head_dim), 64);
}

template <class Key, class Value>
void store_position(std::byte* block, std::size_t slot, std::size_t head_dim, const float* k,
                    const float* v) noexcept {
  CHECK(head_dim <= kHeadDimMax);
  Key::template Keys<1>::store(block, slot, head_dim, k);
  Value::template Values<1>::store(block + Key::template Keys<1>::bytes(head_dim), slot, head_dim,
                                   v);
}

template <class Key, class Value>
void recall_position(const std::byte* block, std::size_t slot, std::size_t head_dim, float* k,
                     float* v) noexcept {
  Key::template Keys<1>::recall(block, slot, head_dim, k);
  Value::template Values<1>::recall(block + Key::template Keys<1>::bytes(head_dim), slot, head_dim,
                                    v);
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
  if (*later.sum == 0.0f) return;  // nothing was seen; -inf as max may also be of NaN
  const float top = *later.max > *state.max ? *later.max : *state.max;
  const float shrink = exp_scalar(*state.max - top), later_shrink = exp_scalar(*later.max - top);
  *state.max = top;
  *state.sum = *state.sum * shrink + *later.sum * later_shrink;
  map(state.acc, later.acc, head_dim, state.acc, [=](F32 mine, F32 added) noexcept {
    return fma(added, broadcast(later_shrink), mul(mine, broadcast(shrink)));
  });
}

template <bool kRotated>
void finish(const float* acc, float sum, std::size_t head_dim, float* out) noexcept {
  map(acc, acc, head_dim, out, [=](F32 x, F32) noexcept { return div(x, broadcast(sum)); });
  if constexpr (kRotated) rotate(out, head_dim);
}

template <class Key, class Value, std::size_t kQueries>
constexpr AttentionKernel table(Isa isa) noexcept {
  return {isa,
          {Key::kType, Value::kType},
          block_bytes<Key, Value>,
          store_position<Key, Value>,
          recall_position<Key, Value>,
          attend<Key, Value, kQueries>,
          merge,
          finish<Value::template Values<1>::kRotated>};
}

// Every pair of types that goes together. kPlain, kCoded: queries in a register tile on f32 and on
// integers.
template <std::size_t kPlain, std::size_t kCoded>
constexpr AttentionKernels kernels(Isa isa) noexcept {
  using F16 = Plain<std::uint16_t>;
  using Q8 = Integer<Code8, Code8>;
  using Q4 = Integer<Code4<4>, Code4<16>>;
  return {table<Plain<float>, Plain<float>, kPlain>(isa),
          table<F16, F16, kPlain>(isa),
          table<F16, Q8, kCoded>(isa),
          table<F16, Q4, kCoded>(isa),
          table<Q8, F16, kCoded>(isa),
          table<Q8, Q8, kCoded>(isa),
          table<Q8, Q4, kCoded>(isa),
          table<Q4, F16, kCoded>(isa),
          table<Q4, Q8, kCoded>(isa),
          table<Q4, Q4, kCoded>(isa)};
}

}  // namespace
}  // namespace hearth
