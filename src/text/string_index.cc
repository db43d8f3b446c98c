#include "text/string_index.h"

#include <bit>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace hearth {
namespace {

// A half-full table of random strings has its longest run of filled slots near ln(n) / 0.19: below
// 100 for ten million entries. Ten times that happens only to strings that were made for it.
constexpr std::size_t kProbesMax = 1000;
constexpr std::size_t kSlotsMin = 16;

// Eight bytes a step; the multiplier is 2^64 divided by the golden ratio, odd.
std::uint32_t hash_of(std::string_view text) noexcept {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15u;
  std::uint64_t hash = text.size();
  const char* data = text.data();
  std::size_t left = text.size();
  while (left > 0) {
    std::uint64_t word = 0;
    const std::size_t taken = left < sizeof word ? left : sizeof word;
    std::memcpy(&word, data, taken);
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
    data += taken;
    left -= taken;
  }
  return static_cast<std::uint32_t>(hash * kMultiplier >> 32);
}

}  // namespace

void StringIndex::reserve(std::size_t strings, std::size_t bytes) {
  bytes_.reserve(bytes);
  ends_.reserve(strings + 1);
  const std::size_t slots = std::bit_ceil(strings * 2 + kSlotsMin);
  if (slots > slots_.size() && size() == 0) slots_.assign(slots, Slot{});
}

void StringIndex::grow() {
  std::vector<Slot> old(slots_.empty() ? kSlotsMin : slots_.size() * 2);
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.id == kNone) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].id != kNone) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

std::pair<std::uint32_t, bool> StringIndex::insert(std::string_view text) {
  if ((size() + 1) * 2 > slots_.size()) grow();
  const std::uint32_t hash = hash_of(text);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (std::size_t probes = 0; slots_[at].id != kNone; ++probes, at = (at + 1) & mask) {
    if (slots_[at].hash == hash && this->text(slots_[at].id) == text) return {slots_[at].id, false};
    if (probes == kProbesMax) {
      throw Error(
          ErrorCode::kCorruptData,
          "the vocabulary's texts collide in " + std::to_string(kProbesMax) +
              " places of a hash table; the file was made to be slow: get it from another source");
    }
  }
  if (text.size() > std::numeric_limits<std::uint32_t>::max() - bytes_.size()) {
    throw Error(ErrorCode::kResourceExhausted, "the vocabulary has more than 4 GiB of text");
  }
  const auto id = static_cast<std::uint32_t>(size());
  bytes_.append(text);
  ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  slots_[at] = {hash, id};
  return {id, true};
}

std::uint32_t StringIndex::find(std::string_view text) const noexcept {
  if (slots_.empty()) return kNone;
  const std::uint32_t hash = hash_of(text);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at].id != kNone; at = (at + 1) & mask) {
    if (slots_[at].hash == hash && this->text(slots_[at].id) == text) return slots_[at].id;
  }
  return kNone;
}

}  // namespace hearth
