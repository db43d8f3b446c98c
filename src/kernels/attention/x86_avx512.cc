// Attention, on AVX-512.
#include "kernels/vector/x86_avx512.h"

#include "kernels/attention/attention.h"
#include "kernels/attention/pairs_avx512.h"
// The vector's header first: it says what F32 is.
#include "kernels/attention/tile.h"

namespace hearth {
namespace {

// 8 × 2 sums and 2 loaded vectors of 32 registers: enough chains for 2 FMA a cycle at latency 4.
constexpr std::size_t kQueries = 8;

}  // namespace

extern const AttentionKernels kAttentionAvx512;
constinit const AttentionKernels kAttentionAvx512 = kernels<kQueries, kQueries>(Isa::kAvx512Vnni);

}  // namespace hearth
