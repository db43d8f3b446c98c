#include "tensor/dtype.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "tensor/blocks.h"

namespace hearth {
namespace {

constexpr std::array<DTypeInfo, 15> kDTypes = {{
    {DType::kF32, "F32", 1, 4},
    {DType::kF16, "F16", 1, 2},
    {DType::kQ4_0, "Q4_0", 32, sizeof(BlockQ4_0)},
    {DType::kQ4_1, "Q4_1", 32, sizeof(BlockQ4_1)},
    {DType::kQ5_0, "Q5_0", 32, sizeof(BlockQ5_0)},
    {DType::kQ5_1, "Q5_1", 32, sizeof(BlockQ5_1)},
    {DType::kQ8_0, "Q8_0", 32, sizeof(BlockQ8_0)},
    {DType::kQ2_K, "Q2_K", 256, sizeof(BlockQ2_K)},
    {DType::kQ3_K, "Q3_K", 256, sizeof(BlockQ3_K)},
    {DType::kQ4_K, "Q4_K", 256, sizeof(BlockQ4_K)},
    {DType::kQ5_K, "Q5_K", 256, sizeof(BlockQ5_K)},
    {DType::kQ6_K, "Q6_K", 256, sizeof(BlockQ6_K)},
    {DType::kIQ4_NL, "IQ4_NL", 32, sizeof(BlockIQ4_NL)},
    {DType::kIQ4_XS, "IQ4_XS", 256, sizeof(BlockIQ4_XS)},
    {DType::kBF16, "BF16", 1, 2},
}};

const DTypeInfo* find_id(std::uint32_t id) noexcept {
  const auto* const found = std::ranges::find(
      kDTypes, id, [](const DTypeInfo& info) { return static_cast<std::uint32_t>(info.type); });
  return found == kDTypes.end() ? nullptr : found;
}

}  // namespace

std::span<const DTypeInfo> all_dtypes() noexcept { return kDTypes; }

const DTypeInfo& dtype_info(DType type) noexcept {
  const DTypeInfo* info = find_id(static_cast<std::uint32_t>(type));
  CHECK(info != nullptr);
  return *info;
}

std::optional<DType> dtype_from_id(std::uint32_t gguf_id) noexcept {
  const DTypeInfo* info = find_id(gguf_id);
  if (info == nullptr) return std::nullopt;
  return info->type;
}

std::optional<DType> dtype_from_name(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(kDTypes, name, &DTypeInfo::name);
  if (found == kDTypes.end()) return std::nullopt;
  return found->type;
}

std::size_t row_bytes(DType type, std::size_t elements) noexcept {
  const DTypeInfo& info = dtype_info(type);
  CHECK(elements % info.block_elements == 0);
  return elements / info.block_elements * info.block_bytes;
}

}  // namespace hearth
