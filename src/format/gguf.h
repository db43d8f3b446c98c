// GGUF v2 and v3, one file or a set of shards: untrusted bytes in; checked names, types and ranges
// out. Owns the maps of its files; tensors and strings are views into them and live as long as the
// Gguf does. Immutable after open: any thread may read. Limits have names below; breaking one is a
// kCorruptData Error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace hearth {

// Typed access to metadata. A missing key or another type than asked for is an Error that names the
// key, what was found and what was wanted. Integers of any width and sign convert when the value
// fits; floats convert to double; an integer is not a float. The optional_ forms return nullopt for
// a missing key only: a wrong type is still an Error.
class GgufMetadata {
 public:
  struct Entry;  // key, type, position of the value in the file

  bool contains(std::string_view key) const noexcept;
  std::uint64_t unsigned_integer(std::string_view key) const;
  double number(std::string_view key) const;  // f32 or f64 (and any integer)
  bool boolean(std::string_view key) const;
  std::string_view string(std::string_view key) const;
  std::optional<std::uint64_t> optional_unsigned(std::string_view key) const;
  std::optional<double> optional_number(std::string_view key) const;
  std::optional<bool> optional_boolean(std::string_view key) const;
  std::optional<std::string_view> optional_string(std::string_view key) const;

  // Arrays, copied out. integers: any integer type or bool; numbers: f32 or f64.
  std::vector<std::int64_t> integers(std::string_view key) const;
  std::vector<float> numbers(std::string_view key) const;
  std::vector<std::string_view> strings(std::string_view key) const;
  std::size_t array_length(std::string_view key) const;  // 0 for a missing key

  // For printing: every key in file order, and a value as text (long arrays and strings cut at
  // `limit`).
  std::vector<std::string_view> keys() const;
  std::string type_name(std::string_view key) const;  // "u32", "string", "[string, 49152]"
  std::string to_text(std::string_view key, std::size_t limit) const;

 private:
  friend class GgufParser;
  const Entry* find(std::string_view key) const noexcept;
  std::shared_ptr<const std::vector<Entry>> entries_;  // sorted by key
};

struct GgufTensor {
  std::string_view name;
  DType type;
  // GGUF order: shape[0] is the length of a row (contiguous), shape[1] the number of rows, …; 1 to
  // 4 entries.
  std::vector<std::uint64_t> shape;
  std::span<const std::byte> bytes;  // inside the map of its shard
  std::uint64_t elements() const noexcept;
};

class Gguf {
 public:
  // Opens a file; when it is one of a set ("…-00002-of-00005.gguf") opens the whole set, checks
  // that it is complete, and takes the metadata of the first.
  static Gguf open(const std::filesystem::path& path);
  // The same for files whose names say nothing (blobs of a store): all shards, in order; or one
  // whole file.
  static Gguf open_shards(std::span<const std::filesystem::path> paths);
  // Parses one file that is in memory already; `bytes` must outlive the result. `name` goes into
  // messages.
  static Gguf parse(std::span<const std::byte> bytes, std::string_view name);

  Gguf(Gguf&&) noexcept;
  Gguf& operator=(Gguf&&) noexcept;
  ~Gguf();

  const GgufMetadata& metadata() const noexcept;
  std::span<const GgufTensor> tensors() const noexcept;          // in file order
  const GgufTensor* find(std::string_view name) const noexcept;  // nullptr when there is none
  std::uint64_t file_bytes() const noexcept;                     // of all shards
  // MappedFile::identity of the one file; empty for shards and for what was in memory already.
  std::span<const std::uint64_t> identity() const noexcept;

  // A part of a tensor is not read again soon: its pages leave this process's memory.
  void release(std::span<const std::byte> part) const noexcept;
  // The same for what stands before the tensors, vocabulary and all.
  void release_metadata() const noexcept;

 private:
  struct State;
  explicit Gguf(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hearth
