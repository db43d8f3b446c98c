// The row operations on F32, written once; an ISA file includes its vector header, then this one,
// and fills its table with the functions. Tails run the same formula on a vector whose absent lanes
// are 0.
#pragma once

#include <cstddef>

#include "kernels/vector/exp.h"

namespace hearth {
namespace {

constexpr std::size_t kLanes = F32::kLanes;
constexpr std::size_t kSumLanes = 16;  // of the contract's fixed tree
constexpr std::size_t kSumVectors = kSumLanes / kLanes;

// out[i] = op(a[i]), out[i] = op(a[i], b[i])
template <class Op>
inline void map(const float* a, std::size_t n, float* out, Op op) noexcept {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, op(load(a + i)));
  if (i < n) store_first(out + i, op(load_first(a + i, n - i)), n - i);
}

template <class Op>
inline void map(const float* a, const float* b, std::size_t n, float* out, Op op) noexcept {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, op(load(a + i), load(b + i)));
  if (i < n) {
    const std::size_t left = n - i;
    store_first(out + i, op(load_first(a + i, left), load_first(b + i, left)), left);
  }
}

inline float sum_of_squares(const float* x, std::size_t n) noexcept {
  F32 sum[kSumVectors];
#pragma GCC unroll 2
  for (F32& part : sum) part = broadcast(0.0f);
  std::size_t i = 0;
  for (; i + kSumLanes <= n; i += kSumLanes) {
#pragma GCC unroll 2
    for (std::size_t j = 0; j < kSumVectors; ++j) {
      const F32 part = load(x + i + j * kLanes);
      sum[j] = fma(part, part, sum[j]);
    }
  }
  for (std::size_t j = 0; i < n; ++j, i += kLanes) {
    const F32 part = i + kLanes <= n ? load(x + i) : load_first(x + i, n - i);
    sum[j] = fma(part, part, sum[j]);
  }
  return sum16(sum);
}

void rms_norm(const float* x, const float* weight, std::size_t n, float epsilon,
              float* out) noexcept {
  const float mean = sum_of_squares(x, n) / static_cast<float>(n);
  const F32 factor = broadcast(1.0f / square_root(mean + epsilon));
  map(x, weight, n, out, [=](F32 value, F32 w) noexcept { return mul(mul(value, factor), w); });
}

struct Rotated {
  F32 first, second;
};

inline Rotated rotate(F32 first, F32 second, F32 c, F32 s) noexcept {
  return {fma(first, c, negate(mul(second, s))), fma(first, s, mul(second, c))};
}

void rope_halves(float* head, const float* cos, const float* sin, std::size_t pairs) noexcept {
  float* const upper = head + pairs;
  std::size_t i = 0;
  for (; i + kLanes <= pairs; i += kLanes) {
    const Rotated to = rotate(load(head + i), load(upper + i), load(cos + i), load(sin + i));
    store(head + i, to.first);
    store(upper + i, to.second);
  }
  if (i < pairs) {
    const std::size_t left = pairs - i;
    const Rotated to = rotate(load_first(head + i, left), load_first(upper + i, left),
                              load_first(cos + i, left), load_first(sin + i, left));
    store_first(head + i, to.first, left);
    store_first(upper + i, to.second, left);
  }
}

inline void rotate_neighbours(float* pair, F32 c, F32 s) noexcept {
  F32 first, second, low, high;
  unzip(load(pair), load(pair + kLanes), &first, &second);
  const Rotated to = rotate(first, second, c, s);
  zip(to.first, to.second, &low, &high);
  store(pair, low);
  store(pair + kLanes, high);
}

void rope_neighbours(float* head, const float* cos, const float* sin, std::size_t pairs) noexcept {
  std::size_t i = 0;
  for (; i + kLanes <= pairs; i += kLanes) {
    rotate_neighbours(head + 2 * i, load(cos + i), load(sin + i));
  }
  if (i < pairs) {
    const std::size_t left = pairs - i;
    float rest[2 * kLanes] = {};
    __builtin_memcpy(rest, head + 2 * i, 2 * left * sizeof(float));
    rotate_neighbours(rest, load_first(cos + i, left), load_first(sin + i, left));
    __builtin_memcpy(head + 2 * i, rest, 2 * left * sizeof(float));
  }
}

void rope(float* head, const float* cos, const float* sin, std::size_t pairs, bool neox) noexcept {
  if (neox) {
    rope_halves(head, cos, sin, pairs);
  } else {
    rope_neighbours(head, cos, sin, pairs);
  }
}

void silu_multiply(const float* gate, const float* up, std::size_t n, float* out) noexcept {
  map(gate, up, n, out, [](F32 g, F32 u) noexcept { return mul(mul(g, logistic(g)), u); });
}

// 0.5 (1 + tanh(y)) = logistic(2 y), without the cancellation of 1 + tanh near -1.
void gelu_multiply(const float* gate, const float* up, std::size_t n, float* out) noexcept {
  constexpr float kTwiceRootTwoOverPi = 0x1.988454p+0f;  // 2 sqrt(2 / pi) = 1.5957691
  constexpr float kCubic = kTwiceRootTwoOverPi * 0.044715f;
  map(gate, up, n, out, [](F32 g, F32 u) noexcept {
    const F32 inner = fma(mul(g, g), broadcast(kCubic), broadcast(kTwiceRootTwoOverPi));
    return mul(mul(g, logistic(mul(g, inner))), u);
  });
}

void add_rows(const float* a, const float* b, std::size_t n, float* out) noexcept {
  map(a, b, n, out, [](F32 x, F32 y) noexcept { return add(x, y); });
}

void scale_row(const float* x, float factor, std::size_t n, float* out) noexcept {
  map(x, n, out, [=](F32 value) noexcept { return mul(value, broadcast(factor)); });
}

void block_max(const float* x, std::size_t n, float* out) noexcept {
  const std::size_t whole = n / kMaxBlock * kMaxBlock;
  for (std::size_t i = 0; i < whole; i += kMaxBlock) {
    F32 part[kSumVectors];
#pragma GCC unroll 2
    for (std::size_t j = 0; j < kSumVectors; ++j) {
      part[j] = nan_to_infinity(load(x + i + j * kLanes));
#pragma GCC unroll 4
      for (std::size_t k = kSumLanes; k < kMaxBlock; k += kSumLanes) {
        part[j] = max(part[j], nan_to_infinity(load(x + i + j * kLanes + k)));
      }
    }
    out[i / kMaxBlock] = max16(part);
  }
  if (whole == n) return;
  float rest = -__builtin_inff();
  for (std::size_t i = whole; i < n; ++i) {
    const float value = x[i] == x[i] ? x[i] : __builtin_inff();
    rest = value > rest ? value : rest;
  }
  out[whole / kMaxBlock] = rest;
}

constexpr ElementwiseKernel table(Isa isa) noexcept {
  return {isa, rms_norm, rope, silu_multiply, gelu_multiply, add_rows, scale_row, block_max};
}

}  // namespace
}  // namespace hearth
