#include "kernels/isa.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

constexpr Isa kAll[] = {Isa::kPortable, Isa::kAvx2, Isa::kAvx2Vnni, Isa::kAvx512Vnni,
                        Isa::kAvx512Bf16};

TEST(Isa, NamesGoBothWays) {
  for (const Isa isa : kAll) EXPECT_EQ(isa_from_name(isa_name(isa)), isa);
  for (const char* name : {"", "AVX2", "avx", "avx512", "avx2 ", "reference"})
    EXPECT_EQ(isa_from_name(name), std::nullopt) << name;
}

TEST(Isa, BestIsTheLastSupported) {
  EXPECT_TRUE(isa_supported(Isa::kPortable));
  EXPECT_TRUE(isa_supported(best_isa()));
  for (const Isa isa : kAll) {
    if (isa > best_isa()) {
      EXPECT_FALSE(isa_supported(isa)) << isa_name(isa);
    }
  }
}

TEST(Isa, VnniNeedsAvx2) {
  if (isa_supported(Isa::kAvx2Vnni) || isa_supported(Isa::kAvx512Vnni)) {
    EXPECT_TRUE(isa_supported(Isa::kAvx2));
  }
}

// Kernels of avx512_vnni serve avx512_bf16.
TEST(Isa, Bf16NeedsVnni) {
  if (isa_supported(Isa::kAvx512Bf16)) {
    EXPECT_TRUE(isa_supported(Isa::kAvx512Vnni));
  }
}

}  // namespace
}  // namespace hearth
