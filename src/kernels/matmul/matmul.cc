#include "kernels/matmul/matmul.h"

#include "base/check.h"
#include "kernels/matmul/activation.h"
#include "kernels/matmul/packing.h"
#include "kernels/matmul/variants.h"
#include "kernels/matmul/weight_format.h"

namespace hearth {
namespace {

std::size_t f32_row_bytes(std::size_t cols) noexcept { return padded_row_bytes(4 * cols); }

std::size_t bf16_row_bytes(std::size_t cols) noexcept {
  return padded_row_bytes((cols + 1) / 2 * 4);
}

std::size_t q8x32_row_bytes(std::size_t cols) noexcept {
  CHECK(cols % 32 == 0);
  return padded_row_bytes(cols / 32 * sizeof(ActivationUnit32));
}

std::size_t q8x256_row_bytes(std::size_t cols) noexcept {
  CHECK(cols % 256 == 0);
  return padded_row_bytes(cols / 256 * sizeof(ActivationUnit256));
}

constexpr MatmulKernel kMatmulKernels[] = {
#define HEARTH_MATMUL(isa, suffix, packing, rows, name, type) \
  {Isa::isa,                                                  \
   DType::type,                                               \
   packing::activation(DType::type),                          \
   packing::kInPlace,                                         \
   rows,                                                      \
   packing::panel_bytes<DType::type, rows>,                   \
   packing::scratch_bytes<DType::type, rows>,                 \
   packing::pack<DType::type, rows>,                          \
   matmul_##name##_##suffix},
#include "kernels/matmul/kernels.inc"
#undef HEARTH_MATMUL
};

constexpr ActivationKernel kActivationKernels[] = {
#define HEARTH_ACTIVATION(isa, suffix, name, format) \
  {Isa::isa, ActivationFormat::format, name##_row_bytes, convert_##name##_##suffix},
#include "kernels/matmul/kernels.inc"
#undef HEARTH_ACTIVATION
};

}  // namespace

std::span<const MatmulKernel> matmul_kernels() noexcept { return kMatmulKernels; }

std::span<const ActivationKernel> activation_kernels() noexcept { return kActivationKernels; }

const MatmulKernel& select_matmul(DType type, Isa isa, bool fast) noexcept {
  for (const MatmulKernel& kernel : kMatmulKernels) {
    const bool wanted = kernel.type == type && (fast || !kernel.is_fast());
    if (wanted && kernel.isa <= isa && isa_supported(kernel.isa)) return kernel;
  }
  CHECK(false);
}

const ActivationKernel& select_activation(ActivationFormat format, Isa isa) noexcept {
  for (const ActivationKernel& kernel : kActivationKernels)
    if (kernel.format == format && kernel.isa <= isa && isa_supported(kernel.isa)) return kernel;
  CHECK(false);
}

}  // namespace hearth
