// The one list of variants, and the choice among them.
#include "kernels/attention/attention.h"

#include "base/check.h"

namespace hearth {

#define HEARTH_ATTENTION(symbol) extern const AttentionKernel symbol;
#include "kernels/attention/kernels.inc"
#undef HEARTH_ATTENTION

std::span<const AttentionKernel> attention_kernels() noexcept {
#define HEARTH_ATTENTION(symbol) symbol,
  static const AttentionKernel kernels[] = {
#include "kernels/attention/kernels.inc"
  };
#undef HEARTH_ATTENTION
  return kernels;
}

const AttentionKernel& select_attention(CacheType type, Isa isa) noexcept {
  for (const AttentionKernel& kernel : attention_kernels()) {
    if (kernel.type == type && kernel.isa <= isa) return kernel;
  }
  CHECK(false);  // the portable variant serves every instruction set
}

}  // namespace hearth
