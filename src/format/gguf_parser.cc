#include "format/gguf_parser.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <string>
#include <utility>

#include "base/checked.h"
#include "base/error.h"
#include "format/printable.h"

namespace hearth {
namespace {

constexpr std::uint64_t kEntryBytesMin = 8 + 1 + 4 + 1;  // key length, a letter, type, a byte
constexpr std::uint64_t kTensorBytesMin =
    8 + 1 + 4 + 0 + 4 + 8;  // name, no dimensions, type, offset

// Types that files have and this build does not decode, to name them in the refusal.
constexpr std::pair<std::uint32_t, std::string_view> kOtherDTypes[] = {
    {9, "Q8_1"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"},
    {21, "IQ3_S"}, {22, "IQ2_S"}, {24, "I8"},      {25, "I16"},    {26, "I32"},     {27, "I64"},
    {28, "F64"},   {29, "IQ1_M"}, {34, "TQ1_0"},   {35, "TQ2_0"},  {39, "MXFP4"},
};

std::string dtype_text(std::uint32_t id) {
  const auto* const known =
      std::ranges::find(kOtherDTypes, id, &std::pair<std::uint32_t, std::string_view>::first);
  const std::string number = std::to_string(id);
  return known == std::end(kOtherDTypes) ? number
                                         : std::string(known->second) + " (" + number + ")";
}

std::string supported_dtypes() {
  std::string names;
  for (const DTypeInfo& info : all_dtypes()) {
    if (!names.empty()) names += ", ";
    names += info.name;
  }
  return names;
}

}  // namespace

void GgufParser::fail(std::string_view what) const {
  throw Error(ErrorCode::kCorruptData, printable_quoted(reader_.name()) +
                                           " is damaged or cut short: " + std::string(what) +
                                           "; fetch it again");
}

GgufFile GgufParser::parse() {
  parse_magic();
  const auto tensor_count = reader_.read<std::uint64_t>("the number of tensors");
  const auto key_count = reader_.read<std::uint64_t>("the number of metadata keys");
  GgufFile file;
  file.metadata = parse_metadata(key_count);

  if (tensor_count > kGgufTensorsMax || tensor_count > reader_.remaining() / kTensorBytesMin) {
    fail("it claims " + std::to_string(tensor_count) + " tensors; " +
         std::to_string(reader_.remaining()) + " bytes remain for them, and " +
         std::to_string(kGgufTensorsMax) + " are the most a file may have");
  }
  file.tensors.resize(tensor_count);
  std::vector<Placed> placed(tensor_count);
  for (std::size_t i = 0; i < file.tensors.size(); ++i) parse_tensor(file.tensors[i], placed[i]);
  place(file.tensors, placed, alignment(file.metadata));
  return file;
}

void GgufParser::parse_magic() {
  const std::string_view magic = reader_.take_text(4, "the magic number");
  if (magic != "GGUF") {
    throw Error(ErrorCode::kCorruptData,
                printable_quoted(reader_.name()) + ": not a GGUF file: it begins with \"" +
                    printable(magic, 16) + "\", not with \"GGUF\"; choose a model in GGUF format");
  }
  const auto version = reader_.read<std::uint32_t>("the version");
  if (version == 2 || version == 3) return;
  const std::string name = printable_quoted(reader_.name());
  if (const std::uint32_t swapped = __builtin_bswap32(version); swapped >= 1 && swapped <= 3) {
    throw Error(
        ErrorCode::kUnsupported,
        name + " is a big-endian GGUF file; this build reads little-endian ones: convert it again");
  }
  throw Error(ErrorCode::kUnsupported, name + " is GGUF version " + std::to_string(version) +
                                           "; this build reads versions 2 and 3" +
                                           (version == 1 ? ": convert the model again" : ""));
}

GgufMetadata GgufParser::parse_metadata(std::uint64_t count) {
  if (count > kGgufKeysMax || count > reader_.remaining() / kEntryBytesMin) {
    fail("it claims " + std::to_string(count) + " metadata keys; " +
         std::to_string(reader_.remaining()) + " bytes remain for them, and " +
         std::to_string(kGgufKeysMax) + " are the most a file may have");
  }
  auto entries = std::make_shared<std::vector<GgufMetadata::Entry>>();
  entries->reserve(count);
  for (std::uint32_t order = 0; order < count; ++order) entries->push_back(parse_entry(order));
  std::ranges::sort(*entries, {}, &GgufMetadata::Entry::key);
  const auto twice = std::ranges::adjacent_find(*entries, {}, &GgufMetadata::Entry::key);
  if (twice != entries->end())
    fail("metadata key " + printable_quoted(twice->key) + " stands there twice");
  GgufMetadata metadata;
  metadata.entries_ = std::move(entries);
  return metadata;
}

std::string_view GgufParser::parse_key() {
  const auto length = reader_.read<std::uint64_t>("the length of a metadata key");
  if (length == 0 || length > kGgufKeyBytesMax) {
    fail("a metadata key has a length of " + std::to_string(length) + " bytes; 1 to " +
         std::to_string(kGgufKeyBytesMax) + " are allowed");
  }
  return reader_.take_text(length, "a metadata key");
}

GgufMetadata::Entry GgufParser::parse_entry(std::uint32_t order) {
  GgufMetadata::Entry entry{};
  entry.order = order;
  entry.key = parse_key();
  entry.type = parse_type(entry.key);
  entry.element = entry.type;
  entry.count = 1;
  if (entry.type == GgufType::kString) {
    const auto length = reader_.read<std::uint64_t>("the length of a string");
    entry.value = reader_.take(length, "a string");
    return entry;
  }
  if (entry.type == GgufType::kArray) {
    entry.element = parse_type(entry.key);
    entry.count = reader_.read<std::uint64_t>("the length of an array");
    if (entry.element == GgufType::kArray) {
      throw Error(ErrorCode::kUnsupported, printable_quoted(reader_.name()) + ": metadata key " +
                                               printable_quoted(entry.key) +
                                               " is an array of arrays, which no model needs");
    }
  }
  entry.value = take_value(entry.element, entry.count, entry.key);
  return entry;
}

GgufType GgufParser::parse_type(std::string_view key) {
  const auto id = reader_.read<std::uint32_t>("the type of a metadata value");
  if (id >= kGgufTypes.size()) {
    fail("metadata key " + printable_quoted(key) + " has the unknown type " + std::to_string(id));
  }
  return static_cast<GgufType>(id);
}

// The bytes of `count` values in a row, looked through so far that reading them later cannot fail.
std::span<const std::byte> GgufParser::take_value(GgufType type, std::uint64_t count,
                                                  std::string_view key) {
  if (type == GgufType::kString) return take_strings(count, key);
  const std::uint64_t size =
      checked_mul<std::uint64_t>(count, gguf_type_info(type).bytes, "a metadata array");
  const auto value = reader_.take(size, "a metadata value");
  if (type == GgufType::kBool) {
    const auto wrong =
        std::ranges::find_if(value, [](std::byte byte) { return byte > std::byte{1}; });
    if (wrong != value.end()) {
      fail("metadata key " + printable_quoted(key) + " is a bool with the value " +
           std::to_string(std::to_integer<int>(*wrong)));
    }
  }
  return value;
}

std::span<const std::byte> GgufParser::take_strings(std::uint64_t count, std::string_view key) {
  if (count > reader_.remaining() / 8) {  // 8: the length of an empty one
    fail("metadata key " + printable_quoted(key) + " claims " + std::to_string(count) +
         " strings; " + std::to_string(reader_.remaining()) + " bytes remain for them");
  }
  const std::uint64_t begin = reader_.position();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto length = reader_.read<std::uint64_t>("the length of a string");
    reader_.take(length, "a string");
  }
  return bytes_.subspan(begin, reader_.position() - begin);
}

std::uint64_t GgufParser::alignment(const GgufMetadata& metadata) const {
  const std::uint64_t value =
      metadata.optional_unsigned("general.alignment").value_or(kGgufAlignmentDefault);
  if (!std::has_single_bit(value) || value < kGgufAlignmentMin || value > kGgufAlignmentMax) {
    fail("general.alignment is " + std::to_string(value) + "; a power of two from " +
         std::to_string(kGgufAlignmentMin) + " to " + std::to_string(kGgufAlignmentMax) +
         " is wanted");
  }
  return value;
}

void GgufParser::parse_tensor(GgufTensor& tensor, Placed& placed) {
  const auto length = reader_.read<std::uint64_t>("the length of a tensor's name");
  if (length == 0 || length > kGgufNameBytesMax) {
    fail("a tensor's name has a length of " + std::to_string(length) + " bytes; 1 to " +
         std::to_string(kGgufNameBytesMax) + " are allowed");
  }
  tensor.name = reader_.take_text(length, "a tensor's name");
  const std::uint64_t elements = parse_shape(tensor);
  tensor.type = parse_dtype(tensor);
  const DTypeInfo& info = dtype_info(tensor.type);
  if (tensor.shape[0] % info.block_elements != 0) {
    fail("tensor " + printable_quoted(tensor.name) + " has rows of " +
         std::to_string(tensor.shape[0]) + " elements, which blocks of " +
         std::to_string(info.block_elements) + " (" + std::string(info.name) + ") do not divide");
  }
  placed.size_bytes = checked_mul<std::uint64_t>(elements / info.block_elements, info.block_bytes,
                                                 "tensor " + printable_quoted(tensor.name));
  placed.offset = reader_.read<std::uint64_t>("a tensor's offset");
}

// Returns the number of elements.
std::uint64_t GgufParser::parse_shape(GgufTensor& tensor) {
  const auto dimensions = reader_.read<std::uint32_t>("a tensor's number of dimensions");
  if (dimensions > kGgufDimensionsMax) {
    fail("tensor " + printable_quoted(tensor.name) + " has " + std::to_string(dimensions) +
         " dimensions; at most " + std::to_string(kGgufDimensionsMax) + " are allowed");
  }
  std::uint64_t elements = 1;
  tensor.shape.assign(std::max(dimensions, 1u), 1);  // no dimensions: a single number
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    const auto extent = reader_.read<std::uint64_t>("a tensor's shape");
    if (extent == 0)
      fail("tensor " + printable_quoted(tensor.name) + " is empty: one dimension is 0");
    elements = checked_mul(elements, extent, "tensor " + printable_quoted(tensor.name));
    tensor.shape[i] = extent;
  }
  return elements;
}

DType GgufParser::parse_dtype(const GgufTensor& tensor) {
  const auto id = reader_.read<std::uint32_t>("a tensor's type");
  const auto type = dtype_from_id(id);
  if (!type) {
    throw Error(ErrorCode::kUnsupported,
                printable_quoted(reader_.name()) + ": tensor " + printable_quoted(tensor.name) +
                    " is of type " + dtype_text(id) +
                    ", which this build cannot read; choose a file of " + supported_dtypes());
  }
  return *type;
}

// Tensors stand in the data in the order of the list, each aligned and behind the one before.
void GgufParser::place(std::span<GgufTensor> tensors, std::span<const Placed> placed,
                       std::uint64_t alignment) const {
  if (tensors.empty()) return;
  const std::uint64_t data_begin =
      checked_add(reader_.position(), alignment - 1, "the header") / alignment * alignment;
  std::uint64_t end = data_begin;  // of the tensor before
  const GgufTensor* outside = nullptr;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::string what = "tensor " + printable_quoted(tensors[i].name);
    const std::uint64_t begin = checked_add(data_begin, placed[i].offset, what);
    if (placed[i].offset % alignment != 0) {
      fail(what + " lies at offset " + std::to_string(placed[i].offset) +
           ", which is no multiple of the alignment of " + std::to_string(alignment));
    }
    if (begin < end && outside == nullptr) {
      fail(what + " overlaps the tensor before it in the list");
    }
    end = std::max(end, checked_add(begin, placed[i].size_bytes, what));
    if (end <= bytes_.size()) {
      tensors[i].bytes = bytes_.subspan(begin, placed[i].size_bytes);
    } else if (outside == nullptr) {
      outside = &tensors[i];
    }
  }
  if (outside == nullptr) return;
  fail("it has " + std::to_string(bytes_.size()) + " bytes, its tensors need " +
       std::to_string(end) + ", so " + std::to_string(end - bytes_.size()) +
       " are missing, from tensor " + printable_quoted(outside->name) + " on");
}

}  // namespace hearth
