// Merger: the merge loop of both BPE tokenizers, O(n log n) in the symbols of a word. Adjacent
// symbols are merged, best priority first and leftmost among equals, until no pair has a merge.
// Owns scratch memory that is reused between words: one Merger per call of encode, never shared
// between threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace hearth {

// Bytes [start, start + length) of the word. length 0: merged into a symbol to the left.
struct Symbol {
  std::uint32_t start;
  std::uint32_t length;
  std::uint32_t id;
  std::uint32_t previous = 0;  // positions in the list; kEnd at both ends
  std::uint32_t next = 0;
};

struct Merge {
  std::uint32_t priority;  // lower merges first
  std::uint32_t id;        // of the merged symbol
};

class Merger {
 public:
  static constexpr std::uint32_t kEnd = std::numeric_limits<std::uint32_t>::max();

  // `symbols` in order, together covering the word; merged in place, links set by this function.
  // The symbol at position 0 is always the first of the result; follow `next` to kEnd. find(left,
  // right) gives the merge of two adjacent symbols, or nullopt.
  template <class Find>
  void run(std::vector<Symbol>& symbols, const Find& find) {
    heap_.clear();
    const auto count = static_cast<std::uint32_t>(symbols.size());
    for (std::uint32_t i = 0; i < count; ++i) {
      symbols[i].previous = i == 0 ? kEnd : i - 1;
      symbols[i].next = i + 1 == count ? kEnd : i + 1;
    }
    for (std::uint32_t i = 1; i < count; ++i) append(symbols, i - 1, i, find);
    std::make_heap(heap_.begin(), heap_.end(), Later{});
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), Later{});
      const Candidate best = heap_.back();
      heap_.pop_back();
      apply(symbols, best, find);
    }
  }

 private:
  struct Candidate {
    std::uint64_t key;  // priority << 32 | position of the left symbol
    std::uint32_t right;
    std::uint32_t id;
    std::uint32_t length;  // of both: tells whether one of them has changed since
  };
  struct Later {
    bool operator()(const Candidate& a, const Candidate& b) const noexcept { return a.key > b.key; }
  };

  template <class Find>
  bool append(const std::vector<Symbol>& symbols, std::uint32_t left, std::uint32_t right,
              const Find& find) {
    const std::optional<Merge> merge = find(symbols[left], symbols[right]);
    if (!merge) return false;
    heap_.push_back({std::uint64_t{merge->priority} << 32 | left, right, merge->id,
                     symbols[left].length + symbols[right].length});
    return true;
  }

  template <class Find>
  void push(const std::vector<Symbol>& symbols, std::uint32_t left, std::uint32_t right,
            const Find& find) {
    if (left == kEnd || right == kEnd) return;
    if (append(symbols, left, right, find)) std::push_heap(heap_.begin(), heap_.end(), Later{});
  }

  template <class Find>
  void apply(std::vector<Symbol>& symbols, const Candidate& best, const Find& find) {
    const auto left_position = static_cast<std::uint32_t>(best.key);
    Symbol& left = symbols[left_position];
    Symbol& right = symbols[best.right];
    // A symbol only grows, and by what stands right of it: equal lengths mean the same two symbols.
    if (left.length == 0 || right.length == 0 || left.length + right.length != best.length) return;
    left.length = best.length;
    left.id = best.id;
    left.next = right.next;
    right.length = 0;
    if (right.next != kEnd) symbols[right.next].previous = left_position;
    push(symbols, left.previous, left_position, find);
    push(symbols, left_position, left.next, find);
  }

  std::vector<Candidate> heap_;
};

}  // namespace hearth
