// The slowest instruction set: plain C++ for any machine. Formula: a product and a sum each round.
//   32-element types:  y += f32(dot) * (d * d_a)          then, with minima,  y += m * d_sum
//   256-element types: a += f32(dot_sub) * (d * scale)    per sub-block,
//                      a -= dmin * f32(sum min * sum_a)   with minima,        y += a * d_a
//   float types:       y += w * x                         ascending k
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/half.h"
#include "kernels/matmul/activation.h"
#include "kernels/matmul/codes.h"
#include "kernels/matmul/variants.h"
#include "kernels/matmul/weight_format.h"

namespace hearth {
namespace {

// One row unpacked: what raw::scratch_bytes counts.
struct Row {
  std::int16_t* weight;  // [cols], code - zero or the table's value
  float* scale;          // [cols / sub]
  std::int32_t* min;     // [cols / sub], 256-element types
  float* m;              // [cols / block]
};

template <DType kType>
Row row_in(std::byte* scratch, std::size_t cols) noexcept {
  constexpr WeightFormat kFormat = weight_format(kType);
  std::byte* const scale = scratch + 2 * cols;
  std::byte* const min = scale + 4 * (cols / kFormat.sub);
  std::byte* const m = min + 4 * (cols / kFormat.sub);
  return {reinterpret_cast<std::int16_t*>(scratch), reinterpret_cast<float*>(scale),
          reinterpret_cast<std::int32_t*>(min), reinterpret_cast<float*>(m)};
}

template <DType kType>
void unpack_row(const std::byte* source, std::size_t cols, const Row& row) noexcept {
  constexpr WeightFormat kFormat = weight_format(kType);
  constexpr std::size_t kSubs = kFormat.block / kFormat.sub;
  using Block = typename BlockOf<kType>::type;
  for (std::size_t b = 0; b < cols / kFormat.block; ++b) {
    Block block;
    Codes codes;
    std::memcpy(&block, source + b * sizeof(Block), sizeof(Block));
    read_codes(block, codes);
    for (std::size_t e = 0; e < kFormat.block; ++e) {
      const int code = codes.code[e];
      row.weight[b * kFormat.block + e] = static_cast<std::int16_t>(
          kFormat.has_table ? kIq4Values[code & 15] : code - kFormat.zero);
    }
    const float d = half_to_float(codes.d);
    for (std::size_t i = 0; i < kSubs; ++i) {
      const bool whole = kFormat.block == 32;
      row.scale[b * kSubs + i] = whole ? d : d * static_cast<float>(codes.scale[i]);
      if constexpr (kFormat.block == 256 && kFormat.has_min) row.min[b * kSubs + i] = codes.min[i];
    }
    if constexpr (kFormat.has_min) row.m[b] = half_to_float(codes.m);
  }
}

template <std::size_t kCount>
float dot(const std::int16_t* w, const std::int8_t* q) noexcept {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < kCount; ++i) sum += w[i] * q[i];
  return static_cast<float>(sum);
}

template <DType kType>
float dot_row_32(const Row& row, std::size_t cols, const std::byte* activation) noexcept {
  const auto* const unit = reinterpret_cast<const ActivationUnit32*>(activation);
  float y = 0;
  for (std::size_t u = 0; u < cols / 32; ++u) {
    y += dot<32>(row.weight + 32 * u, unit[u].q) * (row.scale[u] * unit[u].d);
    if constexpr (weight_format(kType).has_min) y += row.m[u] * unit[u].d_sum;
  }
  return y;
}

template <DType kType>
float dot_row_256(const Row& row, std::size_t cols, const std::byte* activation) noexcept {
  constexpr WeightFormat kFormat = weight_format(kType);
  constexpr std::size_t kSubs = 256 / kFormat.sub;
  const auto* const unit = reinterpret_cast<const ActivationUnit256*>(activation);
  float y = 0;
  for (std::size_t b = 0; b < cols / 256; ++b) {
    float a = 0;
    std::int32_t mins = 0;
    for (std::size_t i = 0; i < kSubs; ++i) {
      const std::size_t at = kFormat.sub * i;
      a += dot<kFormat.sub>(row.weight + 256 * b + at, unit[b].q + at) * row.scale[b * kSubs + i];
      if constexpr (kFormat.has_min)
        mins += row.min[b * kSubs + i] * (kSubs == 8 ? unit[b].sum32[i] : unit[b].sum16[i]);
    }
    if constexpr (kFormat.has_min) a -= row.m[b] * static_cast<float>(mins);
    y += a * unit[b].d;
  }
  return y;
}

template <DType kType>
void multiply(const MatmulJob& job) noexcept {
  constexpr std::size_t kRows = 4;
  const std::size_t stride = row_bytes(kType, job.cols);
  const std::size_t panel_bytes = kRows * stride;
  const Row row = row_in<kType>(job.scratch, job.cols);
  for (std::size_t p = 0; p < job.panel_count; ++p) {
    for (std::size_t r = 0; r < kRows; ++r) {
      unpack_row<kType>(job.panels + p * panel_bytes + r * stride, job.cols, row);
      for (std::size_t n = 0; n < job.rows; ++n) {
        const std::byte* const activation = job.activations + n * job.activation_bytes;
        float* const out = job.out + n * job.out_stride + p * kRows + r;
        if constexpr (weight_format(kType).block == 32) {
          *out = dot_row_32<kType>(row, job.cols, activation);
        } else {
          *out = dot_row_256<kType>(row, job.cols, activation);
        }
      }
    }
  }
}

template <DType kType>
float element(const std::byte* at) noexcept {
  if constexpr (kType == DType::kF32) {
    float value;
    std::memcpy(&value, at, sizeof value);
    return value;
  } else {
    std::uint16_t bits;
    std::memcpy(&bits, at, sizeof bits);
    return kType == DType::kF16 ? half_to_float(bits) : bf16_to_float(bits);
  }
}

template <DType kType>
void multiply_floats(const MatmulJob& job) noexcept {
  constexpr std::size_t kRows = 8;
  constexpr std::size_t kSize = weight_format(kType).low_bits / 8;
  const std::size_t panel_bytes = (job.cols * kRows * kSize + 63) / 64 * 64;
  auto* const weight = reinterpret_cast<float*>(job.scratch);  // [kFloatColumns, kRows]
  for (std::size_t p = 0; p < job.panel_count; ++p) {
    for (std::size_t begin = 0; begin < job.cols; begin += kFloatColumns) {
      const std::byte* const panel = job.panels + p * panel_bytes + begin * kRows * kSize;
      const std::size_t count = std::min(job.cols - begin, kFloatColumns);
      for (std::size_t i = 0; i < count * kRows; ++i) weight[i] = element<kType>(panel + i * kSize);
      for (std::size_t n = 0; n < job.rows; ++n) {
        const auto* const x =
            reinterpret_cast<const float*>(job.activations + n * job.activation_bytes) + begin;
        float* const out = job.out + n * job.out_stride + p * kRows;
        float y[kRows] = {};
        if (begin != 0) std::memcpy(y, out, sizeof y);
        for (std::size_t k = 0; k < count; ++k)
          for (std::size_t r = 0; r < kRows; ++r) y[r] += weight[k * kRows + r] * x[k];
        std::memcpy(out, y, sizeof y);
      }
    }
  }
}

float max_magnitude(const float* x, std::size_t count) noexcept {
  float max = 0;
  for (std::size_t i = 0; i < count; ++i) max = std::fabs(x[i]) > max ? std::fabs(x[i]) : max;
  return max;
}

// Adding 1.5 * 2^23 leaves the integer nearest to |value| < 2^22, ties to even, in the low bits.
std::int8_t round_to_int8(float value) noexcept {
  return static_cast<std::int8_t>(std::bit_cast<std::uint32_t>(value + 0x1.8p23f) & 0xffu);
}

// → d
float quantize(const float* x, std::size_t count, std::int8_t* q) noexcept {
  const float max = max_magnitude(x, count);
  if (max < kSmallestMax) {
    std::memset(q, 0, count);
    return 0;
  }
  const float inverse = 127.0f / max;
  for (std::size_t i = 0; i < count; ++i) q[i] = round_to_int8(x[i] * inverse);
  return max / 127.0f;
}

std::int32_t sum(const std::int8_t* q, std::size_t count) noexcept {
  std::int32_t total = 0;
  for (std::size_t i = 0; i < count; ++i) total += q[i];
  return total;
}

}  // namespace

void convert_f32_portable(const float* x, std::size_t cols, std::byte* row) noexcept {
  std::memcpy(row, x, cols * sizeof(float));
}

void convert_q8x32_portable(const float* x, std::size_t cols, std::byte* row) noexcept {
  auto* unit = reinterpret_cast<ActivationUnit32*>(row);
  for (std::size_t k = 0; k < cols; k += 32, ++unit) {
    unit->d = quantize(x + k, 32, unit->q);
    const std::int32_t total = sum(unit->q, 32);
    unit->d_sum = unit->d * static_cast<float>(total);
    unit->offset = -128 * total;
  }
}

void convert_q8x256_portable(const float* x, std::size_t cols, std::byte* row) noexcept {
  auto* unit = reinterpret_cast<ActivationUnit256*>(row);
  for (std::size_t k = 0; k < cols; k += 256, ++unit) {
    unit->d = quantize(x + k, 256, unit->q);
    for (std::size_t i = 0; i < 16; ++i) {
      const std::int32_t total = sum(unit->q + 16 * i, 16);
      unit->sum16[i] = static_cast<std::int16_t>(total);
      unit->offset16[i] = -128 * total;
    }
    for (std::size_t i = 0; i < 8; ++i) {
      const std::int32_t total = unit->sum16[2 * i] + unit->sum16[2 * i + 1];
      unit->sum32[i] = static_cast<std::int16_t>(total);
      unit->offset32[i] = -128 * total;
    }
  }
}

#define HEARTH_QUANTIZED(name, type) \
  void matmul_##name##_portable(const MatmulJob& job) noexcept { multiply<DType::type>(job); }
HEARTH_QUANTIZED(q4_0, kQ4_0)
HEARTH_QUANTIZED(q4_1, kQ4_1)
HEARTH_QUANTIZED(q5_0, kQ5_0)
HEARTH_QUANTIZED(q5_1, kQ5_1)
HEARTH_QUANTIZED(q8_0, kQ8_0)
HEARTH_QUANTIZED(iq4_nl, kIQ4_NL)
HEARTH_QUANTIZED(q2_k, kQ2_K)
HEARTH_QUANTIZED(q3_k, kQ3_K)
HEARTH_QUANTIZED(q4_k, kQ4_K)
HEARTH_QUANTIZED(q5_k, kQ5_K)
HEARTH_QUANTIZED(q6_k, kQ6_K)
HEARTH_QUANTIZED(iq4_xs, kIQ4_XS)
#undef HEARTH_QUANTIZED

void matmul_f32_portable(const MatmulJob& job) noexcept { multiply_floats<DType::kF32>(job); }
void matmul_f16_portable(const MatmulJob& job) noexcept { multiply_floats<DType::kF16>(job); }
void matmul_bf16_portable(const MatmulJob& job) noexcept { multiply_floats<DType::kBF16>(job); }

}  // namespace hearth
