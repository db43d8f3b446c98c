// Every variant's entry point, declared from kernels.inc and defined in its instruction set's file.
#pragma once

#include "kernels/matmul/matmul.h"

namespace hearth {

#define HEARTH_MATMUL(isa, suffix, packing, rows, name, type) \
  void matmul_##name##_##suffix(const MatmulJob& job) noexcept;
#define HEARTH_ACTIVATION(isa, suffix, name, format) \
  void convert_##name##_##suffix(const float* x, std::size_t cols, std::byte* row) noexcept;
#include "kernels/matmul/kernels.inc"
#undef HEARTH_MATMUL
#undef HEARTH_ACTIVATION

}  // namespace hearth
