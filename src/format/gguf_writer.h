// Writes GGUF v3 files: metadata of every type, tensors, alignment; byte for byte what PyPI gguf
// writes for the same calls. What it writes, the reader takes: both share the limits in
// format/gguf_value.h. Owns its metadata and tensor list, no tensor bytes: those are asked for
// while writing. One thread.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf_value.h"
#include "tensor/dtype.h"

namespace hearth {

template <typename T, typename... Types>
concept OneOf = (std::same_as<T, Types> || ...);

template <typename T>
concept GgufScalar = OneOf<T, std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t,
                           std::int32_t, float, bool, std::uint64_t, std::int64_t, double>;

template <GgufScalar T>
consteval GgufType gguf_type_of() {
  if (std::same_as<T, std::uint8_t>) return GgufType::kU8;
  if (std::same_as<T, std::int8_t>) return GgufType::kI8;
  if (std::same_as<T, std::uint16_t>) return GgufType::kU16;
  if (std::same_as<T, std::int16_t>) return GgufType::kI16;
  if (std::same_as<T, std::uint32_t>) return GgufType::kU32;
  if (std::same_as<T, std::int32_t>) return GgufType::kI32;
  if (std::same_as<T, float>) return GgufType::kF32;
  if (std::same_as<T, bool>) return GgufType::kBool;
  if (std::same_as<T, std::uint64_t>) return GgufType::kU64;
  if (std::same_as<T, std::int64_t>) return GgufType::kI64;
  return GgufType::kF64;
}

class GgufWriter {
 public:
  // Gives the bytes of tensor `index`, in the order of add_tensor; they are used until the next
  // call.
  using TensorBytes = std::function<std::span<const std::byte>(std::size_t index)>;

  // Sets a key, in the order of the calls; a key that is set already keeps its place and gets the
  // new value. kInvalidArgument: a key that is empty or too long, one key too many,
  // general.alignment that no reader takes.
  template <GgufScalar T>
  void set(std::string_view key, T value) {
    put(key, gguf_type_of<T>(), std::as_bytes(std::span(&value, 1)));
  }
  void set(std::string_view key, std::string_view text);
  template <GgufScalar T>
  void set_array(std::string_view key, std::span<const T> values) {
    put_array(key, gguf_type_of<T>(), values.size(), std::as_bytes(values));
  }
  void set_array(std::string_view key, std::span<const std::string_view> texts);

  // Sets general.alignment, which is 32 otherwise.
  void set_alignment(std::uint32_t alignment);

  // `shape` in GGUF order: the row length first. kInvalidArgument: a name that is taken, empty or
  // too long; a shape of no or more than 4 dimensions, with a 0, beyond 2^62 bytes in all, or of
  // rows that blocks do not divide.
  void add_tensor(std::string_view name, DType type, std::span<const std::uint64_t> shape);

  std::uint64_t file_bytes() const;

  // kInvalidArgument when bytes_of gives another size than the tensor has; kResourceExhausted when
  // the stream does not take it all.
  void write(std::ostream& stream, const TensorBytes& bytes_of) const;

  // Writes `path`.part and renames it, so that no half file is ever called `path`; cleans up when
  // it fails. Not synced to disk: publishing a file for good is the store's work.
  void write_file(const std::filesystem::path& path, const TensorBytes& bytes_of) const;

 private:
  struct Key {
    std::string name;
    std::string value;  // type and value as they stand in the file
  };
  struct Tensor {
    std::string name;
    DType type;
    std::vector<std::uint64_t> shape;
    std::uint64_t size_bytes;
  };

  void put(std::string_view key, GgufType type, std::span<const std::byte> value);
  void put_array(std::string_view key, GgufType type, std::uint64_t count,
                 std::span<const std::byte> values);
  void put_encoded(std::string_view key, std::string value);
  std::string header() const;

  std::vector<Key> keys_;
  std::vector<Tensor> tensors_;
  std::set<std::string, std::less<>> tensor_names_;
  std::uint64_t data_bytes_ = 0;  // of the tensors, each with the largest padding
  std::uint64_t alignment_ = kGgufAlignmentDefault;
};

}  // namespace hearth
