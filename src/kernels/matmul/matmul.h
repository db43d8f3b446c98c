// Matrix product: out[n, r] = sum over k of activation[n, k] * weight[r, k], the one product of
// inference.
//
// Weights are packed once, at load, into panels of panel_rows rows (interleaved for the instruction
// set; the last panel is padded with zero rows). Activations are quantized once per distinct input,
// a row at a time, into the format that the weight's kernel names: it follows from the weight's
// type and the instruction set alone. Both layouts are private to a variant.
//
// Formula (decision 4): per output one f32 accumulator, blocks of the row ascending, no split along
// the row; inside a block exact integers, then one formula per type and instruction set. Hence
// out[n, r] depends on row n and row r only: not on columns, tile, panel or thread. Variants of one
// instruction set agree bit by bit. Units: all strides in elements of what they step over unless
// they say bytes. No aliasing between in and out. Every function is noexcept, allocates nothing,
// starts no thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/isa.h"
#include "tensor/dtype.h"

namespace hearth {

// What a row of activations is turned into before the product.
//   kF32     as it is                                        F32, F16, BF16 weights
//   kQ8x32   int8 with one f32 scale per 32: d = max|x|/127   Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 IQ4_NL
//   kQ8x256  int8 with one f32 scale per 256                  Q2_K … Q6_K IQ4_XS
//   kBF16    rounded to bfloat16                             kernels of avx512_bf16
enum class ActivationFormat : std::uint8_t { kF32, kQ8x32, kQ8x256, kBF16 };
inline constexpr std::size_t kActivationFormats = 4;

// Columns of kF32 that a product takes at a time where it makes weights f32 for all of its rows: 64
// KiB of 32 weights' rows, which stay in the second-level cache together with as much of the
// activations.
inline constexpr std::size_t kFloatColumns = 512;

struct ActivationKernel {
  Isa isa;
  ActivationFormat format;
  // Bytes of one converted row, a multiple of 64.
  std::size_t (*row_bytes)(std::size_t cols) noexcept;
  // x [cols] f32 → row, 64-byte aligned. cols is a multiple of the format's block.
  void (*convert)(const float* x, std::size_t cols, std::byte* row) noexcept;
};

struct MatmulJob {
  const std::byte*
      panels;  // first of panel_count consecutive panels, 64-byte aligned unless in_place
  std::size_t panel_count;
  std::size_t cols;              // k: length of a weight's row
  const std::byte* activations;  // [rows] converted rows
  std::size_t activation_bytes;  // from one converted row to the next
  std::size_t rows;              // n: 1 in decode, many in prefill; any number
  float* out;              // [rows, panel_count * panel_rows]: written whole, padding rows included
  std::size_t out_stride;  // floats from one row of out to the next
  std::byte* scratch;      // scratch_bytes(cols), 64-byte aligned, private to the calling thread
};

struct MatmulKernel {
  Isa isa;
  DType type;
  ActivationFormat activation;
  bool in_place;  // panels are the rows as the file has them: a whole number needs no packing
  std::uint32_t panel_rows;
  std::size_t (*panel_bytes)(std::size_t cols) noexcept;  // a multiple of 64 unless in_place
  std::size_t (*scratch_bytes)(std::size_t cols) noexcept;
  // Packs row_count ≤ panel_rows rows, row_stride_bytes apart, as the file has them.
  void (*pack)(const std::byte* rows, std::size_t row_count, std::size_t row_stride_bytes,
               std::size_t cols, std::byte* panel) noexcept;
  void (*multiply)(const MatmulJob& job) noexcept;

  // Packing loses bits of the weights (F16 to bfloat16): taken on request only.
  constexpr bool is_fast() const noexcept {
    return activation == ActivationFormat::kBF16 && type != DType::kBF16;
  }
};

// Every variant of this build, best first (kernels.inc). Selection: the first whose isa ≤ `isa`
// and, unless `fast`, that is not is_fast().
std::span<const MatmulKernel> matmul_kernels() noexcept;
std::span<const ActivationKernel> activation_kernels() noexcept;
const MatmulKernel& select_matmul(DType type, Isa isa, bool fast = false) noexcept;
const ActivationKernel& select_activation(ActivationFormat format, Isa isa) noexcept;

}  // namespace hearth
