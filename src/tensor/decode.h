// Decoding: what a stored element means, in the simplest correct form. It judges every kernel.
#pragma once

#include <cstddef>

#include "tensor/dtype.h"

namespace hearth {

// Decodes `elements` (a multiple of the type's block) from `source` into `out` [elements], f32.
// Bit-equal to PyPI gguf's dequantize (formats: ggml-common.h's layouts, drawn in tensor/blocks.h).
void decode(DType type, const std::byte* source, std::size_t elements, float* out) noexcept;

}  // namespace hearth
