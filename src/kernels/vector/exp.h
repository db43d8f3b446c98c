// exp and the logistic function on F32, whichever instruction set defines it (include its header
// first).
//
// exp(x) = 2^n * e^r, n = round(x / ln 2), r = x - n ln 2 in two pieces; e^r by a polynomial of
// degree 6 (constants by scripts/exp_polynomial.py: relative error 2^-27.9). Within 2 ulp for x ≤
// 88; 0 below -87.33, where the result would no longer be a normal float (2^-126 = exp(-87.3365)).
#pragma once

namespace hearth {
namespace {

constexpr float kExpMin = -87.33f;

inline F32 exp(F32 x) noexcept {
  constexpr float kLog2E = 0x1.715476p+0f;
  constexpr float kLn2High = 0x1.62e43p-1f, kLn2Low = -0x1.05c61p-29f;
  constexpr float kShift =
      0x1.8p+23f;  // adding it rounds to an integer, and leaves that in the low bits
  const F32 shifted = fma(x, broadcast(kLog2E), broadcast(kShift));
  const F32 n = sub(shifted, broadcast(kShift));
  const F32 r = fma(n, broadcast(-kLn2Low), fma(n, broadcast(-kLn2High), x));
  F32 p = broadcast(0x1.6a242cp-10f);
  p = fma(p, r, broadcast(0x1.1239e4p-7f));
  p = fma(p, r, broadcast(0x1.5558f2p-5f));
  p = fma(p, r, broadcast(0x1.555492p-3f));
  p = fma(p, r, broadcast(0x1.fffffcp-2f));
  p = fma(p, r, broadcast(1.0f));
  p = fma(p, r, broadcast(1.0f));
  return zero_below(mul(p, power_of_two(shifted)), x, kExpMin);
}

// 1 / (1 + exp(-x)), by e = exp(-|x|) so that nothing overflows: 1 / (1 + e), or e / (1 + e) where
// x < 0.
inline F32 logistic(F32 x) noexcept {
  const F32 e = exp(negative_magnitude(x));
  const F32 one = broadcast(1.0f);
  return div(if_negative(x, e, one), add(one, e));
}

}  // namespace
}  // namespace hearth
