// Attention, on AVX2, FMA and F16C.
#include "kernels/vector/x86_avx2.h"

#include "kernels/attention/attention.h"
// The vector's header first: it says what F32 is.
#include "kernels/attention/tile.h"

namespace hearth {
namespace {

// 6 × 2 sums, 2 loaded vectors and 1 broadcast: 15 of 16 registers.
constexpr std::size_t kQueries = 6;

}  // namespace

extern const AttentionKernel kAttentionF16Avx2, kAttentionF32Avx2;
constinit const AttentionKernel kAttentionF16Avx2 =
    table<std::uint16_t, kQueries>(Isa::kAvx2, CacheType::kF16);
constinit const AttentionKernel kAttentionF32Avx2 =
    table<float, kQueries>(Isa::kAvx2, CacheType::kF32);

}  // namespace hearth
