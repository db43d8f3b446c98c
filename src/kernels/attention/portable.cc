// Attention, in plain C++.
#include "kernels/vector/portable.h"

#include "kernels/attention/attention.h"
// The vector's header first: it says what F32 is.
#include "kernels/attention/tile.h"

namespace hearth {
namespace {

// No registers to fill; 4 queries share a conversion from half.
constexpr std::size_t kQueries = 4;

}  // namespace

extern const AttentionKernel kAttentionF16Portable, kAttentionF32Portable;
constinit const AttentionKernel kAttentionF16Portable =
    table<std::uint16_t, kQueries>(Isa::kPortable, CacheType::kF16);
constinit const AttentionKernel kAttentionF32Portable =
    table<float, kQueries>(Isa::kPortable, CacheType::kF32);

}  // namespace hearth
