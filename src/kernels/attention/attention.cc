// The one list of variants, and the choice among them.
#include "kernels/attention/attention.h"

#include <vector>

#include "base/check.h"

namespace hearth {
namespace {

constexpr std::string_view kTypeNames[] = {"f32", "f16", "q8_0", "q4_0"};  // by CacheType

std::optional<CacheType> type_from_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < std::size(kTypeNames); ++i) {
    if (kTypeNames[i] == name) return static_cast<CacheType>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view cache_type_name(CacheType type) noexcept {
  return kTypeNames[static_cast<std::size_t>(type)];
}

std::optional<CacheTypes> cache_types_from_name(std::string_view name) noexcept {
  const std::size_t comma = name.find(',');
  const auto key = type_from_name(name.substr(0, comma));
  const auto value = comma == std::string_view::npos ? key : type_from_name(name.substr(comma + 1));
  if (!key || !value) return std::nullopt;
  // f32 is for exact comparisons: no kernel mixes it.
  if ((*key == CacheType::kF32) != (*value == CacheType::kF32)) return std::nullopt;
  return CacheTypes{*key, *value};
}

#define HEARTH_ATTENTION(symbol) extern const AttentionKernels symbol;
#include "kernels/attention/kernels.inc"
#undef HEARTH_ATTENTION

std::span<const AttentionKernel> attention_kernels() noexcept {
#define HEARTH_ATTENTION(symbol) &symbol,
  static const AttentionKernels* const tables[] = {
#include "kernels/attention/kernels.inc"
  };
#undef HEARTH_ATTENTION
  static const std::vector<AttentionKernel> all = [] {
    std::vector<AttentionKernel> kernels;
    for (const AttentionKernels* table : tables) {
      kernels.insert(kernels.end(), table->begin(), table->end());
    }
    return kernels;
  }();
  return all;
}

const AttentionKernel& select_attention(CacheTypes types, Isa isa) noexcept {
  for (const AttentionKernel& kernel : attention_kernels()) {
    if (kernel.types == types && kernel.isa <= isa) return kernel;
  }
  CHECK(false);  // the portable variant serves every instruction set
}

}  // namespace hearth
