// The row operations, in plain C++.
#include "kernels/vector/portable.h"

#include "kernels/elementwise/elementwise.h"
// The vector's header first: it says what F32 is.
#include "kernels/elementwise/operations.h"

namespace hearth {

extern const ElementwiseKernel kElementwisePortable;
constinit const ElementwiseKernel kElementwisePortable = table(Isa::kPortable);

}  // namespace hearth
