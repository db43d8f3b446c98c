// AVX-512's intrinsics, without GCC 12's warnings of its own header: it takes the deliberately
// undefined operands there for uses of uninitialized variables (GCC bug 105593). No state.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif
