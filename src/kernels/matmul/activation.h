// Converted activations, byte by byte: one layout for every instruction set. A row is an array of
// these units; its length in bytes is an odd multiple of 64, so that the rows of a batch do not all
// fall into the same cache sets. Plain data, owned by the caller, any thread.
//
// d = max|x| / 127 and q = round_to_nearest_even(x * (127 / max|x|)); a unit whose max|x| is under
// kSmallestMax becomes zeros, because 127 / max|x| would overflow. Hence |q| ≤ 127 always.
// The kernels that multiply unsigned weights (w + 128) start their sums at "offset", -128 times the
// sum of q, which takes the 128 out again exactly.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hearth {

inline constexpr float kSmallestMax = 0x1p-100f;

// kQ8x32: 32 elements in 44 bytes.
struct ActivationUnit32 {
  std::int8_t q[32];
  float d;
  float d_sum;          // d * sum of q, rounded once: what a weight's minimum multiplies
  std::int32_t offset;  // -128 * sum of q
};
static_assert(sizeof(ActivationUnit32) == 44);

// kQ8x256: 256 elements in 404 bytes. What most types read stands right behind q.
struct ActivationUnit256 {
  std::int8_t q[256];
  float d;
  std::int16_t sum32[8];      // of q over each 32: at most 32 * 127 = 4064
  std::int32_t offset32[8];   // -128 * sum32
  std::int32_t offset16[16];  // -128 * sum16
  std::int16_t sum16[16];     // of q over each 16
};
static_assert(sizeof(ActivationUnit256) == 404);

// Bytes from one converted row to the next: at least `bytes`, an odd multiple of 64.
constexpr std::size_t padded_row_bytes(std::size_t bytes) noexcept {
  return ((bytes + 63) / 64 | 1) * 64;
}

}  // namespace hearth
