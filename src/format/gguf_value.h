// The value types of GGUF metadata and one parsed entry. Plain data: an Entry is a view into its
// file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "format/gguf.h"

namespace hearth {

// Values are GGUF's ids on disk.
enum class GgufType : std::uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

struct GgufTypeInfo {
  std::string_view name;
  std::uint32_t bytes;  // of one value; 0: it has a length of its own
};

inline constexpr std::array<GgufTypeInfo, 13> kGgufTypes = {{
    {"u8", 1},
    {"i8", 1},
    {"u16", 2},
    {"i16", 2},
    {"u32", 4},
    {"i32", 4},
    {"f32", 4},
    {"bool", 1},
    {"string", 0},
    {"array", 0},
    {"u64", 8},
    {"i64", 8},
    {"f64", 8},
}};

constexpr const GgufTypeInfo& gguf_type_info(GgufType type) noexcept {
  return kGgufTypes[static_cast<std::size_t>(type)];
}

// Limits that reader and writer share. Real files stay far below: they bound what a hostile header
// can ask for.
inline constexpr std::uint64_t kGgufKeyBytesMax = 65535;  // the format's own: 2^16 - 1
inline constexpr std::uint64_t kGgufKeysMax = 65536;      // the richest models have about 60
inline constexpr std::uint64_t kGgufTensorsMax = 65536;   // the largest mixtures have about 2,000
inline constexpr std::uint64_t kGgufNameBytesMax = 255;   // llama.cpp holds 63
inline constexpr std::uint32_t kGgufDimensionsMax = 4;    // the format's own
inline constexpr std::uint64_t kGgufAlignmentMin = 8;     // the format's own: a multiple of 8
inline constexpr std::uint64_t kGgufAlignmentMax = 1 << 20;  // more would only be padding
inline constexpr std::uint64_t kGgufAlignmentDefault = 32;

struct GgufMetadata::Entry {
  std::string_view key;
  GgufType type;
  GgufType element;     // of an array; else the same as type
  std::uint32_t order;  // among the keys of the file
  std::uint64_t count;  // of an array's elements; else 1
  std::span<const std::byte>
      value;  // a scalar, a string's text, or an array's elements as they lie in the file
};

}  // namespace hearth
