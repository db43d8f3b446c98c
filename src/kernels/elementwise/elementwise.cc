// The one list of variants, and the choice among them.
#include "kernels/elementwise/elementwise.h"

#include "base/check.h"

namespace hearth {

#define HEARTH_ELEMENTWISE(symbol) extern const ElementwiseKernel symbol;
#include "kernels/elementwise/kernels.inc"
#undef HEARTH_ELEMENTWISE

std::span<const ElementwiseKernel> elementwise_kernels() noexcept {
#define HEARTH_ELEMENTWISE(symbol) symbol,
  static const ElementwiseKernel kernels[] = {
#include "kernels/elementwise/kernels.inc"
  };
#undef HEARTH_ELEMENTWISE
  return kernels;
}

const ElementwiseKernel& select_elementwise(Isa isa) noexcept {
  for (const ElementwiseKernel& kernel : elementwise_kernels()) {
    if (kernel.isa <= isa) return kernel;
  }
  CHECK(false);  // the portable variant serves every instruction set
}

}  // namespace hearth
