// Parses one GGUF file: header, metadata, tensor list, and where each tensor's bytes lie.
// Everything in it is a view into `bytes`; nothing is allocated by a number that the file claims
// before that number has been held against the bytes that remain. One thread; use once.
//
//   file    = "GGUF" u32 version (2 or 3)  u64 tensors  u64 keys  key*  tensor*  padding  data
//   key     = string  u32 type  value            string = u64 length, text
//   value   = scalar | string | u32 type  u64 count  value*        (no arrays of arrays)
//   tensor  = string  u32 dimensions  u64 length*  u32 type  u64 offset in data
//   padding = zeros to a multiple of the alignment (general.alignment, else 32); data begins there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "format/byte_reader.h"
#include "format/gguf.h"
#include "format/gguf_value.h"

namespace hearth {

struct GgufFile {
  GgufMetadata metadata;
  std::vector<GgufTensor> tensors;
};

class GgufParser {
 public:
  GgufParser(std::span<const std::byte> bytes, std::string_view name) noexcept
      : bytes_(bytes), reader_(bytes, name) {}

  GgufFile parse();

 private:
  void parse_magic();
  GgufMetadata parse_metadata(std::uint64_t count);
  std::string_view parse_key();
  GgufMetadata::Entry parse_entry(std::uint32_t order);
  GgufType parse_type(std::string_view key);
  std::span<const std::byte> take_value(GgufType type, std::uint64_t count, std::string_view key);
  std::span<const std::byte> take_strings(std::uint64_t count, std::string_view key);
  std::uint64_t alignment(const GgufMetadata& metadata) const;

  // A tensor before its bytes are known to be there.
  struct Placed {
    std::uint64_t offset;  // in data
    std::uint64_t size_bytes;
  };
  void parse_tensor(GgufTensor& tensor, Placed& placed);
  std::uint64_t parse_shape(GgufTensor& tensor);
  DType parse_dtype(const GgufTensor& tensor);
  void place(std::span<GgufTensor> tensors, std::span<const Placed> placed,
             std::uint64_t alignment) const;
  [[noreturn]] void fail(std::string_view what) const;

  std::span<const std::byte> bytes_;
  ByteReader reader_;
};

}  // namespace hearth
