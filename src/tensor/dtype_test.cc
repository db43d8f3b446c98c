#include "tensor/dtype.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(DType, IdsNamesAndTableAgree) {
  std::uint32_t last = 0;
  for (const DTypeInfo& info : all_dtypes()) {
    const auto id = static_cast<std::uint32_t>(info.type);
    EXPECT_TRUE(id > last || id == 0);
    last = id;
    EXPECT_EQ(dtype_from_id(id), info.type);
    EXPECT_EQ(dtype_from_name(info.name), info.type);
    EXPECT_EQ(dtype_info(info.type).name, info.name);
  }
  EXPECT_EQ(all_dtypes().size(), 15u);
}

TEST(DType, UnknownIdsAndNames) {
  // 4 and 5 were withdrawn from the format; 9 and 15 are activations only; 16 is IQ2_XXS.
  for (const std::uint32_t id : {4u, 5u, 9u, 15u, 16u, 31u, 0x80000000u, 0xffffffffu}) {
    EXPECT_FALSE(dtype_from_id(id).has_value()) << id;
  }
  EXPECT_FALSE(dtype_from_name("q4_0").has_value());
  EXPECT_FALSE(dtype_from_name("").has_value());
}

TEST(DType, RowBytes) {
  EXPECT_EQ(row_bytes(DType::kF32, 576), 2304u);
  EXPECT_EQ(row_bytes(DType::kBF16, 3), 6u);
  EXPECT_EQ(row_bytes(DType::kQ4_1, 576), 360u);    // 18 blocks of 20
  EXPECT_EQ(row_bytes(DType::kQ4_K, 1536), 864u);   // 6 blocks of 144
  EXPECT_EQ(row_bytes(DType::kQ6_K, 1536), 1260u);  // 6 blocks of 210
  EXPECT_EQ(row_bytes(DType::kQ8_0, 0), 0u);
}

TEST(DTypeDeathTest, PartOfABlockIsAProgrammerError) {
  EXPECT_DEATH(row_bytes(DType::kQ4_K, 128), "CHECK");
  EXPECT_DEATH(dtype_info(static_cast<DType>(4)), "CHECK");
}

}  // namespace
}  // namespace hearth
