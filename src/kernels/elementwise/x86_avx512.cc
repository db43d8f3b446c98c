// The row operations, on AVX-512.
#include "kernels/vector/x86_avx512.h"

#include "kernels/elementwise/elementwise.h"
// The vector's header first: it says what F32 is.
#include "kernels/elementwise/operations.h"

namespace hearth {

extern const ElementwiseKernel kElementwiseAvx512;
constinit const ElementwiseKernel kElementwiseAvx512 = table(Isa::kAvx512Vnni);

}  // namespace hearth
