// IEEE half precision and bfloat16 as 16-bit patterns; conversions round to nearest even, bit-exact
// with the hardware's (VCVTPH2PS, VCVTPS2PH), including subnormals, infinities and NaN.
#pragma once

#include <bit>
#include <cstdint>

namespace hearth {

// A half is s1 e5 m10. Shifting its exponent and mantissa to f32's place leaves the exponent 112
// too small (127 - 15); multiplying by 2^112 mends that for normals and subnormals at once.
inline float half_to_float(std::uint16_t half) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7fffu) << 13;
  if (magnitude >= 0x0f800000u) {  // exponent 31: infinity or NaN (quieted)
    const std::uint32_t quiet = magnitude > 0x0f800000u ? 0x00400000u : 0u;
    return std::bit_cast<float>(sign | 0x70000000u | magnitude | quiet);
  }
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(scaled));
}

inline std::uint16_t float_to_half(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return static_cast<std::uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x477ff000u)
    return static_cast<std::uint16_t>(sign | 0x7c00u);  // ≥ 65520 rounds to infinity
  if (magnitude <
      0x38800000u) {  // below 2^-14: subnormal; adding 0.5 aligns the mantissa and rounds it
    const float aligned = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(aligned) - 0x3f000000u));
  }
  const std::uint32_t odd = (magnitude >> 13) & 1u;
  return static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

inline float bf16_to_float(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

inline std::uint16_t float_to_bf16(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace hearth
