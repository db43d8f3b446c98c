// TextRange: bytes [begin, end) of a text that somebody else owns.
#pragma once

#include <cstddef>

namespace hearth {

struct TextRange {
  std::size_t begin;
  std::size_t end;
};

}  // namespace hearth
