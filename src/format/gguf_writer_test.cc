#include "format/gguf_writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <sstream>

#include "base/error.h"

namespace hearth {
namespace {

const std::string kAllTypes = HEARTH_SOURCE_DIR "/tests/data/gguf/all_types.gguf";

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string written(const GgufWriter& writer, const GgufWriter::TensorBytes& bytes_of) {
  std::stringstream stream;
  writer.write(stream, bytes_of);
  return stream.str();
}

std::span<const std::byte> no_tensors(std::size_t) { return {}; }

ErrorCode code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kInternal;
}

template <typename T>
void set_both(GgufWriter& writer, const std::string& name, T first, T second) {
  writer.set("scalar." + name, first);
  const std::array<T, 2> both = {first, second};
  writer.set_array<T>("array." + name, both);
}

// The calls that scripts/make_gguf_files.py makes to PyPI gguf.
void set_all_types(GgufWriter& writer) {
  writer.set("general.architecture", "llama");
  writer.set_alignment(64);
  set_both<std::uint8_t>(writer, "u8", 255, 1);
  set_both<std::int8_t>(writer, "i8", -128, 1);
  set_both<std::uint16_t>(writer, "u16", 65535, 1);
  set_both<std::int16_t>(writer, "i16", -32768, 1);
  set_both<std::uint32_t>(writer, "u32", std::numeric_limits<std::uint32_t>::max(), 1);
  set_both<std::int32_t>(writer, "i32", std::numeric_limits<std::int32_t>::min(), 1);
  set_both<float>(writer, "f32", 0.15625f, 1);
  set_both<bool>(writer, "bool", true, false);
  set_both<std::uint64_t>(writer, "u64", std::numeric_limits<std::uint64_t>::max(), 1);
  set_both<std::int64_t>(writer, "i64", std::numeric_limits<std::int64_t>::min(), 1);
  set_both<double>(writer, "f64", 0.1, 1);
  const std::array<std::string_view, 2> texts = {"Grüße, 日本 🦙", ""};
  writer.set("scalar.string", texts[0]);
  writer.set_array("array.string", texts);
}

TEST(GgufWriter, ByteForByteWhatPyPiGgufWrites) {
  const Gguf original = Gguf::open(kAllTypes);
  GgufWriter writer;
  set_all_types(writer);
  for (const GgufTensor& tensor : original.tensors()) {
    writer.add_tensor(tensor.name, tensor.type, tensor.shape);
  }
  const std::string bytes =
      written(writer, [&](std::size_t i) { return original.tensors()[i].bytes; });
  const std::string expected = read_file(kAllTypes);
  ASSERT_EQ(bytes.size(), expected.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) ASSERT_EQ(bytes[i], expected[i]) << "byte " << i;
  EXPECT_EQ(writer.file_bytes(), expected.size());
}

TEST(GgufWriter, ReaderReadsItBack) {
  GgufWriter writer;
  writer.set("a", std::uint32_t{1});
  writer.set("b", "text");
  writer.set("a", std::uint32_t{2});  // keeps its place
  writer.set_array("empty", std::span<const std::string_view>());
  const std::vector<std::uint64_t> odd = {3, 5, 1, 2};
  const std::vector<std::uint64_t> row = {256};
  writer.add_tensor("odd", DType::kF16, odd);
  writer.add_tensor("row", DType::kQ6_K, row);
  const std::vector<std::byte> odd_bytes(60, std::byte{1});
  const std::vector<std::byte> row_data(210, std::byte{2});
  const std::string bytes =
      written(writer, [&](std::size_t i) { return std::span(i == 0 ? odd_bytes : row_data); });
  const Gguf gguf = Gguf::parse(std::as_bytes(std::span(bytes)), "written");
  EXPECT_EQ(gguf.metadata().keys(), (std::vector<std::string_view>{"a", "b", "empty"}));
  EXPECT_EQ(gguf.metadata().unsigned_integer("a"), 2u);
  EXPECT_EQ(gguf.metadata().strings("empty").size(), 0u);
  EXPECT_EQ(gguf.find("odd")->shape, odd);
  ASSERT_EQ(gguf.find("row")->bytes.size(), 210u);
  EXPECT_EQ(std::memcmp(gguf.find("row")->bytes.data(), row_data.data(), 210), 0);
  EXPECT_EQ(bytes.size() % 32, 0u);
  EXPECT_EQ(bytes.size(), writer.file_bytes());
}

TEST(GgufWriter, RefusesWhatTheReaderWould) {
  GgufWriter writer;
  const auto shape = [](std::vector<std::uint64_t> extents) { return extents; };
  const auto add = [&](std::string_view name, DType type, std::vector<std::uint64_t> extents) {
    return code_of([&] { writer.add_tensor(name, type, extents); });
  };
  constexpr ErrorCode kRefused = ErrorCode::kInvalidArgument;
  writer.add_tensor("t", DType::kF32, shape({1}));
  EXPECT_EQ(add("t", DType::kF32, {1}), kRefused);
  EXPECT_EQ(add("", DType::kF32, {1}), kRefused);
  EXPECT_EQ(add(std::string(256, 'n'), DType::kF32, {1}), kRefused);
  EXPECT_EQ(add("u", DType::kF32, {}), kRefused);
  EXPECT_EQ(add("u", DType::kF32, {1, 1, 1, 1, 1}), kRefused);
  EXPECT_EQ(add("u", DType::kF32, {1, 0}), kRefused);
  EXPECT_EQ(add("u", DType::kQ4_K, {128}), kRefused);
  EXPECT_EQ(add("u", DType::kF32, {1ull << 32, 1ull << 32}), kRefused);
  EXPECT_EQ(add("u", DType::kF32, {1ull << 62}), kRefused);
  EXPECT_EQ(add("u", DType::kF32, {1ull << 60}), kRefused);
  EXPECT_EQ(code_of([&] { writer.set("", 1); }), kRefused);
  EXPECT_EQ(code_of([&] { writer.set(std::string(65536, 'k'), 1); }), kRefused);
  EXPECT_EQ(code_of([&] { writer.set("general.alignment", 32u); }), kRefused);
  for (const std::uint32_t alignment : {0u, 4u, 48u, 1u << 21}) {
    EXPECT_EQ(code_of([&] { writer.set_alignment(alignment); }), kRefused) << alignment;
  }
  EXPECT_EQ(code_of([&] { written(writer, no_tensors); }), kRefused) << "no bytes for a tensor";
}

class GgufWriterFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("hearth_writer_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(GgufWriterFile, WritesWholeOrNothing) {
  GgufWriter writer;
  writer.set("k", 1);
  writer.write_file(folder_ / "m.gguf", no_tensors);
  EXPECT_EQ(Gguf::open(folder_ / "m.gguf").metadata().unsigned_integer("k"), 1u);
  const std::vector<std::uint64_t> shape = {4};
  writer.add_tensor("t", DType::kF32, shape);
  EXPECT_EQ(code_of([&] { writer.write_file(folder_ / "n.gguf", no_tensors); }),
            ErrorCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "n.gguf"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "n.gguf.part"));
  EXPECT_EQ(code_of([&] { writer.write_file(folder_ / "none" / "m.gguf", no_tensors); }),
            ErrorCode::kPermissionDenied);
  std::filesystem::create_directories(folder_ / "taken.gguf");
  const std::vector<std::byte> bytes(16);
  EXPECT_EQ(code_of([&] {
              writer.write_file(folder_ / "taken.gguf",
                                [&](std::size_t) { return std::span(bytes); });
            }),
            ErrorCode::kPermissionDenied);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "taken.gguf.part"));
}

TEST(GgufWriter, FullDisk) {
  GgufWriter writer;
  writer.set("k", std::string(1 << 20, 'x'));
  std::ofstream full("/dev/full", std::ios::binary);
  ASSERT_TRUE(full);
  EXPECT_EQ(code_of([&] { writer.write(full, no_tensors); }), ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace hearth
