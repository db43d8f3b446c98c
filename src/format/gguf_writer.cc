#include "format/gguf_writer.h"

#include <algorithm>
#include <bit>
#include <fstream>
#include <ostream>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "format/printable.h"

namespace hearth {
namespace {

// A quarter of what 64 bits count: no sum of offsets, paddings and header can wrap.
constexpr std::uint64_t kDataBytesMax = std::uint64_t{1} << 62;

[[noreturn]] void fail(std::string_view what) {
  throw Error(ErrorCode::kInvalidArgument, "cannot write this GGUF file: " + std::string(what));
}

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void append(std::string& bytes, std::span<const std::byte> more) {
  bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
}

void append_string(std::string& bytes, std::string_view text) {
  append(bytes, static_cast<std::uint64_t>(text.size()));
  bytes += text;
}

std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

std::uint64_t tensor_bytes(const std::string& quoted, DType type,
                           std::span<const std::uint64_t> shape) {
  if (shape.empty() || shape.size() > kGgufDimensionsMax) {
    fail("tensor " + quoted + " has " + std::to_string(shape.size()) + " dimensions, not 1 to " +
         std::to_string(kGgufDimensionsMax));
  }
  const DTypeInfo& info = dtype_info(type);
  if (shape[0] % info.block_elements != 0) {
    fail("tensor " + quoted + " has rows of " + std::to_string(shape[0]) +
         " elements, and blocks of " + std::string(info.name) + " have " +
         std::to_string(info.block_elements));
  }
  std::uint64_t elements = 1;
  for (const std::uint64_t extent : shape) {
    if (extent == 0) fail("tensor " + quoted + " is empty");
    if (__builtin_mul_overflow(elements, extent, &elements))
      fail("tensor " + quoted + " is too large");
  }
  std::uint64_t size = 0;
  if (__builtin_mul_overflow(elements / info.block_elements, std::uint64_t{info.block_bytes},
                             &size)) {
    fail("tensor " + quoted + " is too large");
  }
  return size;
}

void write_padding(std::ostream& stream, std::uint64_t count) {
  const std::string zeros(count, '\0');
  stream.write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
}

}  // namespace

void GgufWriter::put_encoded(std::string_view key, std::string value) {
  if (key.empty() || key.size() > kGgufKeyBytesMax) {
    fail("a metadata key has " + std::to_string(key.size()) + " bytes, not 1 to " +
         std::to_string(kGgufKeyBytesMax));
  }
  const auto set_before = std::ranges::find(keys_, key, &Key::name);
  if (set_before != keys_.end()) {
    set_before->value = std::move(value);
    return;
  }
  if (keys_.size() == kGgufKeysMax)
    fail("more than " + std::to_string(kGgufKeysMax) + " metadata keys");
  keys_.push_back({std::string(key), std::move(value)});
}

void GgufWriter::put(std::string_view key, GgufType type, std::span<const std::byte> value) {
  if (key == "general.alignment") fail("general.alignment is set by set_alignment");
  std::string encoded;
  append(encoded, static_cast<std::uint32_t>(type));
  append(encoded, value);
  put_encoded(key, std::move(encoded));
}

void GgufWriter::put_array(std::string_view key, GgufType type, std::uint64_t count,
                           std::span<const std::byte> values) {
  std::string encoded;
  append(encoded, static_cast<std::uint32_t>(type));
  append(encoded, count);
  append(encoded, values);
  put(key, GgufType::kArray, std::as_bytes(std::span(encoded)));
}

void GgufWriter::set(std::string_view key, std::string_view text) {
  std::string encoded;
  append_string(encoded, text);
  put(key, GgufType::kString, std::as_bytes(std::span(encoded)));
}

void GgufWriter::set_array(std::string_view key, std::span<const std::string_view> texts) {
  std::string encoded;
  for (const std::string_view text : texts) append_string(encoded, text);
  put_array(key, GgufType::kString, texts.size(), std::as_bytes(std::span(encoded)));
}

void GgufWriter::set_alignment(std::uint32_t alignment) {
  if (!std::has_single_bit(alignment) || alignment < kGgufAlignmentMin ||
      alignment > kGgufAlignmentMax) {
    fail("an alignment of " + std::to_string(alignment) + " is no power of two from " +
         std::to_string(kGgufAlignmentMin) + " to " + std::to_string(kGgufAlignmentMax));
  }
  alignment_ = alignment;
  std::string encoded;
  append(encoded, static_cast<std::uint32_t>(GgufType::kU32));
  append(encoded, alignment);
  put_encoded("general.alignment", std::move(encoded));
}

void GgufWriter::add_tensor(std::string_view name, DType type,
                            std::span<const std::uint64_t> shape) {
  const std::string quoted = printable_quoted(name);
  if (name.empty() || name.size() > kGgufNameBytesMax) {
    fail("a tensor's name has " + std::to_string(name.size()) + " bytes, not 1 to " +
         std::to_string(kGgufNameBytesMax));
  }
  if (tensor_names_.contains(name)) fail("tensor " + quoted + " is there already");
  if (tensors_.size() == kGgufTensorsMax)
    fail("more than " + std::to_string(kGgufTensorsMax) + " tensors");
  const std::uint64_t size = tensor_bytes(quoted, type, shape);
  if (size > kDataBytesMax - data_bytes_) fail("tensor " + quoted + " makes it too large");
  data_bytes_ += size + kGgufAlignmentMax;
  tensor_names_.emplace(name);
  tensors_.push_back({std::string(name), type, {shape.begin(), shape.end()}, size});
}

std::string GgufWriter::header() const {
  std::string bytes = "GGUF";
  append(bytes, std::uint32_t{3});
  append(bytes, static_cast<std::uint64_t>(tensors_.size()));
  append(bytes, static_cast<std::uint64_t>(keys_.size()));
  for (const Key& key : keys_) {
    append_string(bytes, key.name);
    bytes += key.value;
  }
  std::uint64_t offset = 0;
  for (const Tensor& tensor : tensors_) {
    append_string(bytes, tensor.name);
    append(bytes, static_cast<std::uint32_t>(tensor.shape.size()));
    for (const std::uint64_t extent : tensor.shape) append(bytes, extent);
    append(bytes, static_cast<std::uint32_t>(tensor.type));
    append(bytes, offset);
    offset = align_up(offset + tensor.size_bytes, alignment_);
  }
  bytes.resize(align_up(bytes.size(), alignment_));
  return bytes;
}

std::uint64_t GgufWriter::file_bytes() const {
  std::uint64_t size = header().size();
  for (const Tensor& tensor : tensors_) size += align_up(tensor.size_bytes, alignment_);
  return size;
}

void GgufWriter::write(std::ostream& stream, const TensorBytes& bytes_of) const {
  const std::string head = header();
  stream.write(head.data(), static_cast<std::streamsize>(head.size()));
  for (std::size_t i = 0; i < tensors_.size() && stream; ++i) {
    const Tensor& tensor = tensors_[i];
    const std::span<const std::byte> bytes = bytes_of(i);
    if (bytes.size() != tensor.size_bytes) {
      fail("tensor " + printable_quoted(tensor.name) + " has " + std::to_string(tensor.size_bytes) +
           " bytes and was given " + std::to_string(bytes.size()));
    }
    stream.write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
    write_padding(stream, align_up(bytes.size(), alignment_) - bytes.size());
  }
  stream.flush();
  if (stream) return;
  throw Error(ErrorCode::kResourceExhausted, "writing " + std::to_string(file_bytes()) +
                                                 " bytes of GGUF failed; is the disk full?");
}

void GgufWriter::write_file(const std::filesystem::path& path, const TensorBytes& bytes_of) const {
  std::filesystem::path part = path;
  part += ".part";
  std::ofstream stream(part, std::ios::binary | std::ios::trunc);
  if (!stream) {
    throw Error(ErrorCode::kPermissionDenied,
                "cannot create " + printable_quoted(part.filename().string()) +
                    ": is its folder there and writable?",
                part.string());
  }
  std::error_code error;
  try {
    write(stream, bytes_of);
    stream.close();
    std::filesystem::rename(part, path);
  } catch (const std::filesystem::filesystem_error& renaming) {
    std::filesystem::remove(part, error);
    throw Error(ErrorCode::kPermissionDenied,
                "cannot create " + printable_quoted(path.filename().string()) + ": " +
                    renaming.code().message(),
                path.string());
  } catch (...) {
    std::filesystem::remove(part, error);
    throw;
  }
}

}  // namespace hearth
