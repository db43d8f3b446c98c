// A stable sort that stays inside its array whatever the comparison says (NaN orders nothing) and
// may throw. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace hearth::jinja {

template <typename T, typename Before>
void merge_sort(std::vector<T>& items, Before before) {
  std::vector<T> merged(items.size());
  for (std::size_t width = 1; width < items.size(); width *= 2) {
    for (std::size_t begin = 0; begin < items.size(); begin += 2 * width) {
      const std::size_t middle = std::min(begin + width, items.size());
      const std::size_t end = std::min(begin + 2 * width, items.size());
      std::size_t left = begin;
      std::size_t right = middle;
      for (std::size_t out = begin; out < end; ++out) {
        const bool take_right =
            right < end && (left == middle || before(items[right], items[left]));
        merged[out] = items[take_right ? right++ : left++];
      }
    }
    items.swap(merged);
  }
}

}  // namespace hearth::jinja
