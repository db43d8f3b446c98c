// Attention, in plain C++.
#include "kernels/vector/portable.h"

#include "kernels/attention/attention.h"
#include "kernels/attention/pairs_portable.h"
// The vector's header first: it says what F32 is.
#include "kernels/attention/tile.h"

namespace hearth {
namespace {

// No registers to fill; 4 queries share a conversion from half or from codes.
constexpr std::size_t kQueries = 4;

}  // namespace

extern const AttentionKernels kAttentionPortable;
constinit const AttentionKernels kAttentionPortable = kernels<kQueries, kQueries>(Isa::kPortable);

}  // namespace hearth
