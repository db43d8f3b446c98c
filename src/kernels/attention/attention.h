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
// leaves its state untouched, bit by bit, whatever other rows the tile has.
// The tree of a block's 32 terms: (i, i+16), (i, i+8), (i, i+4), (i, i+2), (i, i+1); exp is that of
// kernels/vector/exp.h. Every variant gives the same bytes: AVX-512, AVX2, portable.
//
// Slots that a row may not see are never multiplied into its state: they may hold any bits, NaN
// too, so a new block needs no clearing. blocks[] may hold any pointer for a block that no row of
// the tile sees (a window layer frees those).
//
// Tiles: AVX-512 keeps 8 queries (rows × group) in registers, AVX2 6; tiles of 16 to 32 rows are
// best and larger ones gain nothing. In decode, give all heads of a group in one tile: keys and
// values are then read once.
//
// That is attention on f32 and f16, in f32. Cached keys and values of q8_0 and q4_0 change how a
// block's scores and its p * v are computed, each in exact integers: coded.h has the formula.
//
// noexcept, no allocation (≤ 84 KiB of stack), no thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "kernels/isa.h"

namespace hearth {

inline constexpr std::size_t kBlockPositions = 32;
inline constexpr std::size_t kPartitionPositions = 512;  // 16 blocks
inline constexpr std::size_t kHeadDimMax = 1024;         // stack: 2 × 8 queries × 4 KiB

// q8_0 and q4_0 name the bits of a number; what else is kept with them says coded.h.
enum class CacheType : std::uint8_t { kF32, kF16, kQ8, kQ4 };

struct CacheTypes {
  CacheType key = CacheType::kF16;
  CacheType value = CacheType::kF16;
  bool operator==(const CacheTypes&) const = default;
};

std::string_view cache_type_name(CacheType type) noexcept;  // "f32", "f16", "q8_0", "q4_0"
// "TYPE" or "KEYS,VALUES"; nothing for another name, or for f32 beside another type.
std::optional<CacheTypes> cache_types_from_name(std::string_view name) noexcept;

struct AttentionTile {
  const float* queries;  // row r, head g of the group: queries + r * query_stride + g * head_dim
  std::size_t query_stride;  // floats
  std::size_t rows;  // consecutive positions of one sequence: row r stands at first_position + r
  std::size_t first_position;
  std::size_t group;     // query heads that share this kv head
  std::size_t head_dim;  // ≤ kHeadDimMax (CHECK)
  // Blocks of this partition, ascending; blocks[0] holds position key_begin.
  const std::byte* const* blocks;
  std::size_t key_begin;  // a multiple of kPartitionPositions
  std::size_t key_end;    // ≤ key_begin + kPartitionPositions, and ≤ last row's position + 1
  std::size_t window;     // row sees keys with position > own - window; 0: all up to its own
  float scale;            // applied to q before the product: (q * scale) · k
  // out: the state of each (row, head)
  float* max;  // [rows, group]
  float* sum;  // [rows, group]
  float* acc;  // [rows, group, head_dim]
  // The block that this thread is likely to read after these, if any: fetched meanwhile, not read.
  const std::byte* next = nullptr;
};

// The state of one (row, head); acc [head_dim].
struct AttentionState {
  float* max;
  float* sum;
  float* acc;
};

struct AttentionKernel {
  Isa isa;
  CacheTypes types;
  // Keys and values of one block, one kv head; a multiple of 64.
  std::size_t (*block_bytes)(std::size_t head_dim) noexcept;
  // Stores one position's k [head_dim] and v [head_dim] in a block at slot 0..31.
  void (*store)(std::byte* block, std::size_t slot, std::size_t head_dim, const float* k,
                const float* v) noexcept;
  // What is kept of a position, as numbers.
  void (*recall)(const std::byte* block, std::size_t slot, std::size_t head_dim, float* k,
                 float* v) noexcept;
  // Computes the partial state of a tile over one partition, from empty: max -inf, sum and acc 0.
  void (*attend)(const AttentionTile& tile) noexcept;
  // state ← state merged with a later partition's, which is left as it is.
  // finish divides, out[d] = acc[d] / sum, and undoes the rotation of coded values.
  void (*merge)(const AttentionState& state, const AttentionState& later,
                std::size_t head_dim) noexcept;
  void (*finish)(const float* acc, float sum, std::size_t head_dim, float* out) noexcept;
};

// f32 with itself; f16, q8_0 and q4_0 with each other.
using AttentionKernels = std::array<AttentionKernel, 10>;

std::span<const AttentionKernel> attention_kernels() noexcept;
const AttentionKernel& select_attention(CacheTypes types, Isa isa) noexcept;

}  // namespace hearth
