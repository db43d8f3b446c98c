// Attention over paged keys and values: tiles of queries against partitions of keys.
//
// The cache of one layer and one kv head is a list of blocks of kBlockPositions positions; a
// block's bytes are laid out by the kernel (keys so that a vector holds neighbouring positions,
// values so that it holds neighbouring dimensions) and are opaque to everyone else.
//
// Formula (decision 4): scores s[key] = sum over d ascending of q[d] * k[key, d], one fused
// multiply-add each; blocks of 32 keys ascending; per block m' = max(m, max s), p = exp(s - m'), l
// = l * exp(m - m') + sum of p over keys ascending in a fixed tree, acc[d] = acc[d] * exp(m - m')
// then += p[key] * v[key, d] over keys ascending. Partitions are cut at absolute positions, every
// kPartitionPositions keys, each computed from an empty state, and merged ascending by merge(). A
// row's numbers depend on its query and the keys it may see only: a block it cannot see at all
// leaves its state untouched, bit by bit, whatever other rows the tile has. Values in the cache are
// f16 or f32; all arithmetic is f32. noexcept, no allocation, no thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/isa.h"

namespace hearth {

inline constexpr std::size_t kBlockPositions = 32;
inline constexpr std::size_t kPartitionPositions = 512;  // 16 blocks
inline constexpr std::size_t kHeadDimMax = 512;  // two rows of state per query stand on the stack

enum class CacheType : std::uint8_t { kF32, kF16 };

struct AttentionTile {
  const float* queries;  // row r, head g of the group: queries + r * query_stride + g * head_dim
  std::size_t query_stride;  // floats
  std::size_t rows;  // consecutive positions of one sequence: row r stands at first_position + r
  std::size_t first_position;
  std::size_t group;     // query heads that share this kv head
  std::size_t head_dim;  // ≤ kHeadDimMax: a model's head is checked when it is loaded
  const std::byte* const*
      blocks;             // blocks of this partition, ascending; blocks[0] holds position key_begin
  std::size_t key_begin;  // a multiple of kPartitionPositions
  std::size_t
      key_end;  // exclusive, ≤ key_begin + kPartitionPositions, and ≤ last row's position + 1
  std::size_t window;  // row sees keys with position > own - window; 0: all up to its own
  float scale;         // applied to q before the product: (q * scale) · k
  // out: the state of each (row, head): max [rows, group], sum [rows, group], acc [rows, group,
  // head_dim].
  float* max;
  float* sum;
  float* acc;
};

struct AttentionKernel {
  Isa isa;
  CacheType type;
  std::size_t (*block_bytes)(
      std::size_t head_dim) noexcept;  // keys and values of one block, one kv head
  // Stores one position's k [head_dim] and v [head_dim] in a block at slot 0..31.
  void (*store)(std::byte* block, std::size_t slot, std::size_t head_dim, const float* k,
                const float* v) noexcept;
  // Computes the partial state of a tile over one partition, from empty (max = -inf, sum = 0, acc =
  // 0).
  void (*attend)(const AttentionTile& tile) noexcept;
  // state ← state merged with a later partition's, one (row, head); then finish divides: out[d] =
  // acc[d] / sum.
  void (*merge)(float* max, float* sum, float* acc, const float* later_max, const float* later_sum,
                const float* later_acc, std::size_t head_dim) noexcept;
  void (*finish)(const float* acc, float sum, std::size_t head_dim, float* out) noexcept;
};

std::span<const AttentionKernel> attention_kernels() noexcept;
const AttentionKernel& select_attention(CacheType type, Isa isa) noexcept;

}  // namespace hearth
