// Attention, on AVX2, FMA and F16C.
#include "kernels/vector/x86_avx2.h"

#include "kernels/attention/attention.h"
#include "kernels/attention/pairs_avx2.h"
// The vector's header first: it says what F32 is.
#include "kernels/attention/tile.h"

namespace hearth {
namespace {

// 6 × 2 sums, 2 loaded vectors and 1 broadcast: 15 of 16 registers.
constexpr std::size_t kPlain = 6;
// 4 × 2 sums, 4 loaded vectors, 2 multipliers and 1 product.
constexpr std::size_t kCoded = 4;

}  // namespace

extern const AttentionKernels kAttentionAvx2;
constinit const AttentionKernels kAttentionAvx2 = kernels<kPlain, kCoded>(Isa::kAvx2);

}  // namespace hearth
