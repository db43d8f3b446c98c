// How panels are laid out and filled: "raw" keeps the rows as the file has them (portable kernels
// unpack as they go), "interleaved" is weight_format.h's layout. Compiled for the baseline, so that
// every instruction set packs the same bytes. Pure functions; any thread.
#pragma once

#include <cstddef>

#include "tensor/dtype.h"

namespace hearth {

namespace raw {
template <DType kType, std::size_t kRows>
std::size_t panel_bytes(std::size_t cols) noexcept;
template <DType kType, std::size_t kRows>
std::size_t scratch_bytes(std::size_t cols) noexcept;
template <DType kType, std::size_t kRows>
void pack(const std::byte* rows, std::size_t row_count, std::size_t row_stride_bytes,
          std::size_t cols, std::byte* panel) noexcept;
}  // namespace raw

namespace interleaved {
template <DType kType, std::size_t kRows>
std::size_t panel_bytes(std::size_t cols) noexcept;
template <DType kType, std::size_t kRows>
std::size_t scratch_bytes(std::size_t cols) noexcept;
template <DType kType, std::size_t kRows>
void pack(const std::byte* rows, std::size_t row_count, std::size_t row_stride_bytes,
          std::size_t cols, std::byte* panel) noexcept;
}  // namespace interleaved

}  // namespace hearth
