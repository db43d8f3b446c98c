// Attention, on AVX-512.
#include "kernels/vector/x86_avx512.h"

#include "kernels/attention/attention.h"
// The vector's header first: it says what F32 is.
#include "kernels/attention/tile.h"

namespace hearth {
namespace {

// 8 × 2 sums and 2 loaded vectors of 32 registers: enough chains for 2 FMA a cycle at latency 4.
constexpr std::size_t kQueries = 8;

}  // namespace

extern const AttentionKernel kAttentionF16Avx512, kAttentionF32Avx512;
constinit const AttentionKernel kAttentionF16Avx512 =
    table<std::uint16_t, kQueries>(Isa::kAvx512Vnni, CacheType::kF16);
constinit const AttentionKernel kAttentionF32Avx512 =
    table<float, kQueries>(Isa::kAvx512Vnni, CacheType::kF32);

}  // namespace hearth
