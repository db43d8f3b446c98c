// The row operations between products: norm, rope, gated activation, add. One table of function
// pointers per instruction set. Sums run over fixed tiles: lane i of 16 takes elements i, i + 16, …
// ascending with one fused multiply-add each, then the 16 lanes are added in one fixed tree ((i,
// i+8), (i, i+4), (i, i+2), (i, i+1)): the same on every instruction set, whatever the length. exp
// is our own polynomial (≤ 2 ulp of f32) and tanh is had from it; vectors and tails follow the same
// formula, and every variant gives the same bytes. noexcept, no allocation, no thread; in and out
// may be the same row.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/isa.h"

namespace hearth {

inline constexpr std::size_t kMaxBlock = 64;

struct ElementwiseKernel {
  Isa isa;
  // out[i] = x[i] / sqrt(mean(x²) + epsilon) * weight[i]
  void (*rms_norm)(const float* x, const float* weight, std::size_t n, float epsilon,
                   float* out) noexcept;
  // Rotates the first 2 * pairs of one head by cos/sin [pairs]. neox: pairs (i, i + pairs); else
  // (2i, 2i + 1).
  void (*rope)(float* head, const float* cos, const float* sin, std::size_t pairs,
               bool neox) noexcept;
  void (*silu_multiply)(const float* gate, const float* up, std::size_t n, float* out) noexcept;
  // GELU, tanh form: 0.5 g (1 + tanh(sqrt(2/pi) (g + 0.044715 g³))) * up
  void (*gelu_multiply)(const float* gate, const float* up, std::size_t n, float* out) noexcept;
  void (*add)(const float* a, const float* b, std::size_t n, float* out) noexcept;
  void (*scale)(const float* x, float factor, std::size_t n, float* out) noexcept;
  // out[b], of ceil(n / kMaxBlock): the largest of x[kMaxBlock * b …], +infinity where one is NaN.
  void (*block_max)(const float* x, std::size_t n, float* out) noexcept;
};

std::span<const ElementwiseKernel> elementwise_kernels() noexcept;  // best first
const ElementwiseKernel& select_elementwise(Isa isa) noexcept;

}  // namespace hearth
