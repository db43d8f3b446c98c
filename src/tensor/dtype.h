// Element types of tensors in GGUF files: names, ids on disk, and the geometry of their blocks.
// A row of a quantized tensor is a sequence of blocks; its length is a multiple of block_elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hearth {

// Values are GGUF's type ids.
enum class DType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ4_NL = 20,
  kIQ4_XS = 23,
  kBF16 = 30,
};

struct DTypeInfo {
  DType type;
  std::string_view name;         // "Q4_K", as llama.cpp and Ollama print it
  std::uint32_t block_elements;  // 1, 32 or 256
  std::uint32_t block_bytes;
};

// Every type this build can decode, in ascending id.
std::span<const DTypeInfo> all_dtypes() noexcept;

// dtype_info CHECKs; dtype_from_id returns nullopt for an id that is not in the table (untrusted
// input).
const DTypeInfo& dtype_info(DType type) noexcept;
std::optional<DType> dtype_from_id(std::uint32_t gguf_id) noexcept;
std::optional<DType> dtype_from_name(std::string_view name) noexcept;

// Bytes of one row of `elements`; `elements` must be a multiple of the block (CHECK).
std::size_t row_bytes(DType type, std::size_t elements) noexcept;

}  // namespace hearth
