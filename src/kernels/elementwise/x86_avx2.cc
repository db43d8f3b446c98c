// The row operations, on AVX2 and FMA.
#include "kernels/vector/x86_avx2.h"

#include "kernels/elementwise/elementwise.h"
// The vector's header first: it says what F32 is.
#include "kernels/elementwise/operations.h"

namespace hearth {

extern const ElementwiseKernel kElementwiseAvx2;
constinit const ElementwiseKernel kElementwiseAvx2 = table(Isa::kAvx2);

}  // namespace hearth
