// PairTable: pairs of symbols to their merge. Open addressing with linear probing, at most half
// full. The pairs come from model files: a table made to collide is refused. Immutable once filled:
// any thread may look up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "text/merge.h"

namespace hearth {

class PairTable {
 public:
  explicit PairTable(std::size_t pairs);  // room for this many, and no more

  // The first merge of a pair stands; later ones are dropped. Throws kCorruptData for colliding
  // tables.
  void insert(std::uint32_t left, std::uint32_t right, Merge merge);

  std::optional<Merge> find(std::uint32_t left, std::uint32_t right) const noexcept {
    const std::uint64_t key = std::uint64_t{left} << 32 | right;
    for (std::size_t at = slot_of(key);; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return slots_[at].merge;
      if (slots_[at].key == kEmpty) return std::nullopt;
    }
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t key = kEmpty;
    Merge merge{};
  };

  // Fibonacci hashing: 2^64 divided by the golden ratio; the best bits are the high ones.
  std::size_t slot_of(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>((key ^ key >> 29) * 0x9E3779B97F4A7C15u >> 20) & mask_;
  }

  std::vector<Slot> slots_;  // a power of two
  std::size_t mask_;
};

}  // namespace hearth
