#include "text/pair_table.h"

#include <bit>
#include <string>

#include "base/check.h"
#include "base/error.h"

namespace hearth {
namespace {

// See string_index.cc: ten times what happens by chance.
constexpr std::size_t kProbesMax = 1000;

}  // namespace

PairTable::PairTable(std::size_t pairs)
    : slots_(std::bit_ceil(pairs * 2 + 2)), mask_(slots_.size() - 1) {}

void PairTable::insert(std::uint32_t left, std::uint32_t right, Merge merge) {
  const std::uint64_t key = std::uint64_t{left} << 32 | right;
  CHECK(key != kEmpty);
  std::size_t at = slot_of(key);
  for (std::size_t probes = 0; slots_[at].key != kEmpty; ++probes, at = (at + 1) & mask_) {
    if (slots_[at].key == key) return;
    if (probes == kProbesMax) {
      throw Error(
          ErrorCode::kCorruptData,
          "the tokenizer's merges collide in " + std::to_string(kProbesMax) +
              " places of a hash table; the file was made to be slow: get it from another source");
    }
  }
  slots_[at] = {key, merge};
}

}  // namespace hearth
