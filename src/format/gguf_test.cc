// The reader against PyPI gguf's reading of the same files, and against hostile headers.
#include "format/gguf.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/hash.h"
#include "format/gguf_shards.h"
#include "format/gguf_writer.h"

namespace hearth {
namespace {

const std::string kData = HEARTH_SOURCE_DIR "/tests/data/gguf/";

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

Gguf parse(std::string_view bytes) {
  return Gguf::parse(std::as_bytes(std::span(bytes)), "test.gguf");
}

// The Error that `call` throws; fails the test when it throws none.
Error error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error";
  return Error(ErrorCode::kInternal, "none");
}

void expect_error(std::string_view bytes, ErrorCode code, std::string_view part) {
  const Error error = error_of([&] { parse(bytes); });
  EXPECT_EQ(error.code(), code) << error.message();
  EXPECT_NE(error.message().find(part), std::string::npos)
      << error.message() << "\nwanted: " << part;
  EXPECT_LT(error.message().size(), 600u);
}

// Builds files byte by byte, wrong ones too.
class Bytes {
 public:
  template <typename T>
  Bytes& add(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  Bytes& text(std::string_view text) {
    add<std::uint64_t>(text.size());
    bytes_ += text;
    return *this;
  }
  Bytes& raw(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  Bytes& header(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
    return raw("GGUF").add(version).add(tensors).add(keys);
  }
  Bytes& tensor(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type,
                std::uint64_t offset) {
    text(name).add(static_cast<std::uint32_t>(shape.size()));
    for (const std::uint64_t extent : shape) add(extent);
    return add(type).add(offset);
  }
  Bytes& pad_and_data(std::size_t data_bytes, std::size_t alignment = 32) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment + data_bytes);
    return *this;
  }
  const std::string& str() const { return bytes_; }

 private:
  std::string bytes_;
};

constexpr std::uint64_t kEvil[] = {0,
                                   1,
                                   (1ull << 31) - 1,
                                   1ull << 31,
                                   (1ull << 31) + 1,
                                   (1ull << 32) - 1,
                                   1ull << 32,
                                   (1ull << 32) + 1,
                                   (1ull << 61),
                                   (1ull << 63) - 1,
                                   1ull << 63,
                                   ~0ull - 7,
                                   ~0ull};

// --- against PyPI gguf

void expect_value(const GgufMetadata& metadata, const std::string& key, const std::string& type,
                  const nlohmann::json& value) {
  if (type == "STRING") {
    EXPECT_EQ(metadata.string(key), value.get<std::string>());
  } else if (type == "BOOL") {
    EXPECT_EQ(metadata.boolean(key), value.get<bool>());
  } else if (type == "FLOAT32" || type == "FLOAT64") {
    EXPECT_EQ(metadata.number(key), value.get<double>());
  } else if (value.is_number_unsigned()) {
    EXPECT_EQ(metadata.unsigned_integer(key), value.get<std::uint64_t>());
  } else {
    EXPECT_EQ(metadata.to_text(key, 100), std::to_string(value.get<std::int64_t>()));
    EXPECT_EQ(error_of([&] { metadata.unsigned_integer(key); }).code(), ErrorCode::kCorruptData);
  }
}

void expect_array(const GgufMetadata& metadata, const std::string& key,
                  const nlohmann::json& value) {
  ASSERT_EQ(metadata.array_length(key), value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i].is_string()) {
      EXPECT_EQ(metadata.strings(key)[i], value[i].get<std::string>());
    } else if (value[i].is_boolean()) {
      EXPECT_EQ(metadata.integers(key)[i], value[i].get<bool>() ? 1 : 0);
    } else if (value[i].is_number_float()) {
      EXPECT_EQ(metadata.numbers(key)[i], value[i].get<float>());
    } else if (value[i].is_number_unsigned() && value[i].get<std::uint64_t>() >> 63 != 0) {
      EXPECT_EQ(error_of([&] { metadata.integers(key); }).code(), ErrorCode::kCorruptData);
      return;
    } else {
      EXPECT_EQ(metadata.integers(key)[i], value[i].get<std::int64_t>());
    }
  }
}

class GgufAgainstPyPi : public testing::TestWithParam<const char*> {};

TEST_P(GgufAgainstPyPi, ReadsTheSame) {
  const Gguf gguf = Gguf::open(kData + GetParam());
  const auto expected = nlohmann::json::parse(read_file(kData + "all_types.json"));
  const GgufMetadata& metadata = gguf.metadata();
  EXPECT_EQ(metadata.keys().size(), expected["keys"].size());
  for (const auto& [key, field] : expected["keys"].items()) {
    SCOPED_TRACE(key);
    const auto type = field["type"].get<std::string>();
    if (type == "ARRAY") {
      expect_array(metadata, key, field["value"]);
    } else {
      expect_value(metadata, key, type, field["value"]);
    }
  }
  const std::string file = read_file(kData + GetParam());
  ASSERT_EQ(gguf.tensors().size(), expected["tensors"].size());
  EXPECT_EQ(gguf.file_bytes(), file.size());
  for (std::size_t i = 0; i < gguf.tensors().size(); ++i) {
    const GgufTensor& tensor = gguf.tensors()[i];
    const auto& wanted = expected["tensors"][i];
    EXPECT_EQ(tensor.name, wanted["name"].get<std::string>());
    EXPECT_EQ(dtype_info(tensor.type).name, wanted["type"].get<std::string>());
    EXPECT_EQ(tensor.shape, wanted["shape"].get<std::vector<std::uint64_t>>());
    Sha256 hash;
    hash.update(tensor.bytes);
    EXPECT_EQ(to_hex(hash.finish()), wanted["sha256"].get<std::string>());
    EXPECT_EQ(std::memcmp(tensor.bytes.data(), file.data() + wanted["offset"].get<std::size_t>(),
                          tensor.bytes.size()),
              0);
    EXPECT_EQ(gguf.find(tensor.name), &tensor);
  }
  EXPECT_EQ(gguf.find("tensor.Q4_L"), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Versions, GgufAgainstPyPi, testing::Values("all_types.gguf", "v2.gguf"));

TEST(Gguf, VocabularyOnly) {
  const Gguf gguf = Gguf::open(kData + "vocabulary.gguf");
  EXPECT_TRUE(gguf.tensors().empty());
  EXPECT_EQ(gguf.metadata().strings("tokenizer.ggml.tokens").at(19), "token19");
  EXPECT_EQ(gguf.metadata().numbers("tokenizer.ggml.scores").at(19), -19.0f);
  EXPECT_EQ(gguf.metadata().integers("tokenizer.ggml.token_type").size(), 20u);
  EXPECT_EQ(gguf.metadata().type_name("tokenizer.ggml.tokens"), "[string, 20]");
  EXPECT_EQ(gguf.metadata().to_text("tokenizer.ggml.tokens", 20),
            "[\"token0\", \"token1\", … 20 in all]");
  EXPECT_EQ(gguf.metadata().keys().front(), "general.architecture");
}

// --- typed access

TEST(Gguf, TypedAccessConvertsWhatFits) {
  GgufWriter writer;
  writer.set("i8", std::int8_t{7});
  writer.set("negative", std::int32_t{-1});
  writer.set("f32", 1.5f);
  writer.set("text", "x\x1b[2J");
  std::stringstream stream;
  writer.write(stream, [](std::size_t) { return std::span<const std::byte>(); });
  const std::string bytes = stream.str();
  const Gguf gguf = parse(bytes);
  const GgufMetadata& metadata = gguf.metadata();
  EXPECT_EQ(metadata.unsigned_integer("i8"), 7u);
  EXPECT_EQ(metadata.number("i8"), 7.0);
  EXPECT_EQ(metadata.number("negative"), -1.0);
  EXPECT_EQ(metadata.optional_unsigned("none"), std::nullopt);
  EXPECT_EQ(metadata.optional_string("none"), std::nullopt);
  EXPECT_EQ(metadata.optional_boolean("none"), std::nullopt);
  EXPECT_EQ(metadata.optional_number("none"), std::nullopt);
  EXPECT_EQ(metadata.array_length("none"), 0u);
  EXPECT_EQ(metadata.to_text("text", 100), "x\\x1b[2J");
  const std::string integer_of_float =
      error_of([&] { metadata.optional_unsigned("f32"); }).message();
  EXPECT_NE(integer_of_float.find("'f32' is of type f32"), std::string::npos) << integer_of_float;
  for (const auto& call : std::vector<std::function<void()>>{
           [&] { metadata.unsigned_integer("negative"); },
           [&] { metadata.unsigned_integer("none"); }, [&] { metadata.number("text"); },
           [&] { metadata.number("none"); }, [&] { metadata.boolean("i8"); },
           [&] { metadata.boolean("none"); }, [&] { metadata.string("i8"); },
           [&] { metadata.string("none"); }, [&] { metadata.integers("i8"); },
           [&] { metadata.numbers("none"); }, [&] { metadata.strings("text"); },
           [&] { metadata.array_length("i8"); }, [&] { metadata.type_name("none"); },
           [&] { metadata.to_text("none", 1); }}) {
    EXPECT_EQ(error_of(call).code(), ErrorCode::kCorruptData);
  }
}

void call_every_accessor(const GgufMetadata& metadata, std::string_view key) {
  const std::vector<std::function<void()>> calls = {
      [&] { metadata.unsigned_integer(key); }, [&] { metadata.number(key); },
      [&] { metadata.boolean(key); },          [&] { metadata.string(key); },
      [&] { metadata.integers(key); },         [&] { metadata.numbers(key); },
      [&] { metadata.strings(key); },          [&] { metadata.array_length(key); },
      [&] { metadata.to_text(key, 50); },      [&] { metadata.type_name(key); }};
  for (const auto& call : calls) {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    }
  }
}

// M5: the tag of every value through all 13 types (and beyond), for scalars and for array elements.
TEST(Gguf, EveryTypeTagThroughEveryType) {
  const std::string original = read_file(kData + "all_types.gguf");
  std::size_t parsed = 0;
  std::size_t refused = 0;
  const auto mutate = [&](std::size_t at) {
    for (std::uint32_t tag = 0; tag <= 14; ++tag) {
      std::string bytes = original;
      std::memcpy(bytes.data() + at, &tag, 4);
      try {
        const Gguf gguf = parse(bytes);
        ++parsed;
        for (const std::string_view key : gguf.metadata().keys()) {
          call_every_accessor(gguf.metadata(), key);
        }
      } catch (const Error& error) {
        ++refused;
        EXPECT_NE(error.code(), ErrorCode::kInternal);
      }
    }
  };
  const Gguf whole = parse(original);
  for (const std::string_view key : whole.metadata().keys()) {
    const std::size_t tag_at = original.find(key) + key.size();
    mutate(tag_at);
    if (whole.metadata().type_name(key)[0] == '[') mutate(tag_at + 4);
  }
  EXPECT_GT(parsed, 50u);
  EXPECT_GT(refused, 200u);
}

// --- hostile headers

TEST(GgufHostile, MagicAndVersion) {
  expect_error("", ErrorCode::kCorruptData, "needs 4 more");
  expect_error("GG", ErrorCode::kCorruptData, "needs 2 more");
  expect_error("PK\x03\x04zip", ErrorCode::kCorruptData, "begins with \"PK\\x03\\x04\"");
  expect_error(Bytes().header(0, 0, 1).str(), ErrorCode::kUnsupported, "version 1;");
  expect_error(Bytes().header(0, 0, 4).str(), ErrorCode::kUnsupported, "version 4;");
  expect_error(Bytes().header(0, 0, 0).str(), ErrorCode::kUnsupported, "version 0;");
  expect_error(Bytes().header(0, 0, 0x03000000).str(), ErrorCode::kUnsupported, "big-endian");
  EXPECT_TRUE(parse(Bytes().header(0, 0).str()).metadata().keys().empty());
}

// M1, M3: counts and lengths that wrap, in every place that has one.
TEST(GgufHostile, CountsAndLengths) {
  for (const std::uint64_t evil : kEvil) {
    if (evil == 0) continue;
    SCOPED_TRACE(evil);
    const auto refused = [](const Bytes& bytes) {
      EXPECT_NE(error_of([&] { parse(bytes.str()); }).code(), ErrorCode::kInternal);
    };
    refused(Bytes().header(evil, 0));
    refused(Bytes().header(0, evil));
    refused(Bytes().header(evil, evil).raw(std::string(4096, '\0')));
    refused(Bytes().header(0, 1).add(evil));
    refused(Bytes().header(0, 1).text("k").add(8u).add(evil));
    refused(Bytes().header(1, 0).add(evil));
    for (const std::uint32_t element : {0u, 3u, 5u, 7u, 8u, 10u, 12u}) {
      refused(Bytes().header(0, 1).text("k").add(9u).add(element).add(evil));
    }
    refused(Bytes().header(1, 0).tensor("t", {32, 1}, 0, evil == 1 ? 1 : evil).pad_and_data(64));
  }
}

// M1: every pair of extents, with the element types of 1, 32 and 256.
TEST(GgufHostile, Shapes) {
  for (const std::uint64_t a : kEvil) {
    for (const std::uint64_t b : kEvil) {
      for (const std::uint32_t type : {0u, 2u, 12u}) {
        const std::string bytes =
            Bytes().header(1, 0).tensor("t", {a, b, a, b}, type, 0).pad_and_data(64).str();
        if (a == 1 && b == 1 && type == 0) {
          EXPECT_EQ(parse(bytes).tensors()[0].bytes.size(), 4u);
        } else {
          EXPECT_EQ(error_of([&] { parse(bytes); }).code(), ErrorCode::kCorruptData)
              << a << " " << b;
        }
      }
    }
  }
}

TEST(GgufHostile, Keys) {
  const auto key = [](std::string_view name) {
    return Bytes().header(0, 1).text(name).add(0u).raw("x");
  };
  EXPECT_TRUE(parse(key("k").str()).metadata().contains("k"));
  EXPECT_TRUE(
      parse(key(std::string(65535, 'k')).str()).metadata().contains(std::string(65535, 'k')));
  expect_error(key(std::string(65536, 'k')).str(), ErrorCode::kCorruptData, "length of 65536");
  expect_error(key("").add(0u).str(), ErrorCode::kCorruptData, "length of 0");
  expect_error(Bytes().header(0, 2).text("k").add(0u).raw("x").text("k").add(0u).raw("y").str(),
               ErrorCode::kCorruptData, "twice");
  expect_error(Bytes().header(0, 1).text("k").add(13u).raw("x").str(), ErrorCode::kCorruptData,
               "unknown type 13");
  expect_error(Bytes().header(0, 1).text("k").add(7u).raw("\x02").str(), ErrorCode::kCorruptData,
               "bool with the value 2");
  expect_error(Bytes().header(0, 1).text("k").add(9u).add(9u).add(1ull).add(0u).add(0ull).str(),
               ErrorCode::kUnsupported, "array of arrays");
  expect_error(Bytes().header(0, 1).text("\x1b[31m\nred").add(13u).raw("x").str(),
               ErrorCode::kCorruptData, "\\x1b[31m\\nred");
}

TEST(GgufHostile, Alignment) {
  for (const std::uint32_t alignment : {0u, 1u, 4u, 24u, 33u, 1u << 21, 1u << 31, ~0u}) {
    expect_error(Bytes().header(0, 1).text("general.alignment").add(4u).add(alignment).str(),
                 ErrorCode::kCorruptData, "power of two");
  }
  expect_error(Bytes().header(0, 1).text("general.alignment").add(6u).add(32.0f).str(),
               ErrorCode::kCorruptData, "of type f32");
  const std::string bytes = Bytes()
                                .header(1, 1)
                                .text("general.alignment")
                                .add(4u)
                                .add(8u)
                                .tensor("t", {2}, 0, 8)
                                .pad_and_data(16, 8)
                                .str();
  EXPECT_EQ(reinterpret_cast<const char*>(parse(bytes).tensors()[0].bytes.data()),
            bytes.data() + bytes.size() - 8);
}

// M2: where tensors lie.
TEST(GgufHostile, TensorPlaces) {
  const auto two = [](std::uint64_t first, std::uint64_t second, std::size_t data_bytes) {
    return Bytes()
        .header(2, 0)
        .tensor("a", {8}, 0, first)
        .tensor("b", {8}, 0, second)
        .pad_and_data(data_bytes)
        .str();
  };
  EXPECT_EQ(parse(two(0, 32, 64)).tensors().size(), 2u);
  EXPECT_EQ(parse(two(0, 64, 96)).tensors().size(), 2u);
  expect_error(two(0, 0, 64), ErrorCode::kCorruptData, "'b' overlaps");
  expect_error(two(32, 0, 64), ErrorCode::kCorruptData, "'b' overlaps");
  expect_error(two(1 << 20, 0, 64), ErrorCode::kCorruptData, "are missing, from tensor 'a'");
  expect_error(two(0, 33, 96), ErrorCode::kCorruptData, "no multiple of the alignment");
  expect_error(two(0, 32, 63), ErrorCode::kCorruptData, "so 1 are missing, from tensor 'b'");
  expect_error(two(0, 32, 31), ErrorCode::kCorruptData, "so 33 are missing, from tensor 'a'");
  expect_error(two(0, ~0ull - 31, 64), ErrorCode::kCorruptData, "'b'");
}

TEST(GgufHostile, Tensors) {
  const auto one = [](std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type) {
    return Bytes().header(1, 0).tensor(name, std::move(shape), type, 0).pad_and_data(64).str();
  };
  EXPECT_EQ(parse(one("scalar", {}, 0)).tensors()[0].shape, std::vector<std::uint64_t>{1});
  expect_error(one("", {1}, 0), ErrorCode::kCorruptData, "length of 0");
  expect_error(one(std::string(256, 't'), {1}, 0), ErrorCode::kCorruptData, "length of 256");
  expect_error(one("t", {1, 1, 1, 1, 1}, 0), ErrorCode::kCorruptData, "5 dimensions");
  expect_error(one("t", {33}, 2), ErrorCode::kCorruptData, "blocks of 32 (Q4_0)");
  expect_error(one("t", {32}, 39), ErrorCode::kUnsupported, "MXFP4 (39)");
  expect_error(one("t", {32}, 4), ErrorCode::kUnsupported, "of type 4, which");
  expect_error(one("t", {32}, 777), ErrorCode::kUnsupported, "choose a file of F32, F16, Q4_0");
  expect_error(
      Bytes().header(2, 0).tensor("t", {8}, 0, 0).tensor("t", {8}, 0, 32).pad_and_data(64).str(),
      ErrorCode::kCorruptData, "tensor 't' stands there twice");
}

// Every shorter file is refused, and nothing is read beyond its end (a heap copy: the sanitizers
// look).
TEST(GgufHostile, EveryTruncation) {
  const std::string whole = read_file(kData + "all_types.gguf");
  const Gguf complete = parse(whole);
  const auto& last = complete.tensors().back().bytes;
  const std::size_t needed =
      static_cast<std::size_t>(reinterpret_cast<const char*>(last.data()) - whole.data()) +
      last.size();
  for (std::size_t size = 0; size < needed; ++size) {
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(error_of([&] { parse({cut.data(), cut.size()}); }).code(), ErrorCode::kCorruptData)
        << size;
  }
}

// M2's mutants: whatever parses lies inside the file.
TEST(GgufHostile, MutantsStayInside) {
  const std::string whole = read_file(kData + "all_types.gguf");
  std::uint64_t seed = 1;
  const auto next = [&seed] { return seed = seed * 6364136223846793005u + 1442695040888963407u; };
  std::size_t parsed = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = whole;
    for (std::uint64_t edits = 1 + (next() >> 62); edits > 0; --edits) {
      bytes[(next() >> 33) % 2048] = static_cast<char>(next() >> 56);
    }
    try {
      const Gguf gguf = parse(bytes);
      ++parsed;
      const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
      const std::byte* last = begin;
      for (const GgufTensor& tensor : gguf.tensors()) {
        ASSERT_GE(tensor.bytes.data(), last);
        last = tensor.bytes.data() + tensor.bytes.size();
        ASSERT_LE(last, begin + bytes.size());
        ASSERT_EQ(tensor.bytes.size(), row_bytes(tensor.type, tensor.elements()));
      }
    } catch (const Error& error) {
      ASSERT_NE(error.code(), ErrorCode::kInternal);
    }
  }
  EXPECT_GT(parsed, 100u);
}

// --- cost

std::size_t resident_peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6));
  }
  return 0;
}

// M1's cap: a file of 1 MiB costs less than 64 MiB, whatever it holds. In a child, whose peak is
// its own.
void expect_small(const std::string& bytes) {
  ASSERT_LE(bytes.size(), 1u << 20);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::size_t before = resident_peak_kib();
    try {
      const Gguf gguf = parse(bytes);
      for (const std::string_view key : gguf.metadata().keys()) {
        if (gguf.metadata().type_name(key).starts_with("[string")) gguf.metadata().strings(key);
        if (gguf.metadata().type_name(key).starts_with("[u8")) gguf.metadata().integers(key);
      }
    } catch (const Error&) {
    }
    ::_exit(resident_peak_kib() - before < 64 * 1024 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(GgufCost, AMebibyteCostsLittleMemory) {
  constexpr std::size_t kMebibyte = 1 << 20;
  Bytes keys;
  keys.header(0, 50000);
  for (int i = 0; i < 50000; ++i) keys.text(std::to_string(i)).add(0u).raw("x");
  expect_small(keys.str());
  Bytes tensors;
  tensors.header(25000, 0);
  for (int i = 0; i < 25000; ++i) tensors.tensor(std::to_string(i), {1}, 0, 32ull * i);
  expect_small(tensors.str());
  constexpr std::uint64_t kStrings = (kMebibyte - 64) / 8;
  expect_small(Bytes()
                   .header(0, 1)
                   .text("k")
                   .add(9u)
                   .add(8u)
                   .add(kStrings)
                   .raw(std::string(8 * kStrings, '\0'))
                   .str());
  constexpr std::uint64_t kBytes = kMebibyte - 64;
  expect_small(Bytes()
                   .header(0, 1)
                   .text("k")
                   .add(9u)
                   .add(0u)
                   .add(kBytes)
                   .raw(std::string(kBytes, 'x'))
                   .str());
  expect_small(Bytes().header(~0ull, ~0ull).raw(std::string(kMebibyte - 64, '\0')).str());
}

// M4: the checks must not make loading slow.
TEST(GgufCost, VocabularyOf300000IsQuick) {
  constexpr std::size_t kTokens = 300000;
  std::vector<std::string> texts(kTokens);
  for (std::size_t i = 0; i < kTokens; ++i) texts[i] = std::to_string(i) + " token";
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  GgufWriter writer;
  writer.set_array("tokenizer.ggml.tokens", views);
  writer.set_array<float>("tokenizer.ggml.scores", std::vector<float>(kTokens, -1.0f));
  writer.set_array<std::int32_t>("tokenizer.ggml.token_type",
                                 std::vector<std::int32_t>(kTokens, 1));
  std::stringstream stream;
  writer.write(stream, [](std::size_t) { return std::span<const std::byte>(); });
  const std::string bytes = stream.str();

  const auto begin = std::chrono::steady_clock::now();
  const Gguf gguf = parse(bytes);
  const auto tokens = gguf.metadata().strings("tokenizer.ggml.tokens");
  const auto scores = gguf.metadata().numbers("tokenizer.ggml.scores");
  const auto types = gguf.metadata().integers("tokenizer.ggml.token_type");
  const auto time = std::chrono::steady_clock::now() - begin;
  const double time_ms = std::chrono::duration<double, std::milli>(time).count();
  std::printf("vocabulary of 300,000 (%zu bytes): %.1f ms\n", bytes.size(), time_ms);
  EXPECT_LT(time_ms, 150.0);
  EXPECT_EQ(tokens, views);
  EXPECT_EQ(scores.size() + types.size(), 2 * kTokens);
}

// --- shards

class GgufShards : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("hearth_shards_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    for (std::uint32_t number = 1; number <= 3; ++number) {
      std::filesystem::copy_file(kData + format_shard_name({"set", number, 3}), shard(number),
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path shard(std::uint32_t number) {
    return folder_ / format_shard_name({"set", number, 3});
  }
  Error open_error(const std::filesystem::path& path) {
    return error_of([&] { Gguf::open(path); });
  }
  std::filesystem::path folder_;
};

TEST_F(GgufShards, AnyOneOpensAll) {
  for (std::uint32_t number = 1; number <= 3; ++number) {
    const Gguf gguf = Gguf::open(shard(number));
    EXPECT_TRUE(gguf.identity().empty());
    ASSERT_EQ(gguf.tensors().size(), 5u);
    for (int i = 0; i < 5; ++i) {
      const GgufTensor* tensor = gguf.find(std::string(1, 't') += std::to_string(i));
      ASSERT_NE(tensor, nullptr);
      float value = -1;
      std::memcpy(&value, tensor->bytes.data() + 28, 4);
      EXPECT_EQ(value, static_cast<float>(i));
    }
    EXPECT_EQ(gguf.metadata().string("general.architecture"), "llama");
    EXPECT_EQ(gguf.file_bytes(), 320u + 256u + 192u);
  }
}

TEST_F(GgufShards, ByPathsInOrder) {
  const std::vector<std::filesystem::path> paths = {shard(1), shard(2), shard(3)};
  EXPECT_EQ(Gguf::open_shards(paths).tensors().size(), 5u);
  const std::vector<std::filesystem::path> swapped = {shard(1), shard(3), shard(2)};
  EXPECT_EQ(error_of([&] { Gguf::open_shards(swapped); }).code(), ErrorCode::kCorruptData);
  const std::vector<std::filesystem::path> fewer = {shard(1), shard(2)};
  EXPECT_EQ(error_of([&] { Gguf::open_shards(fewer); }).code(), ErrorCode::kCorruptData);
  EXPECT_EQ(error_of([&] { Gguf::open_shards({}); }).code(), ErrorCode::kInvalidArgument);
}

TEST_F(GgufShards, IncompleteOrMixedSetsAreRefused) {
  const std::filesystem::path alone = folder_ / "renamed.gguf";
  std::filesystem::copy_file(shard(2), alone);
  EXPECT_NE(open_error(alone).message().find("model-00001-of-00003.gguf"), std::string::npos);
  std::filesystem::copy_file(shard(1), shard(3), std::filesystem::copy_options::overwrite_existing);
  EXPECT_NE(open_error(shard(1)).message().find("should be shard 3 of 3"), std::string::npos);
  std::filesystem::remove(shard(3));
  EXPECT_EQ(open_error(shard(1)).code(), ErrorCode::kNotFound);
}

// A set that claims other numbers than it has: the u16 or i32 behind the key is overwritten.
TEST_F(GgufShards, LyingCounts) {
  const std::string original = read_file(shard(1));
  const auto patch = [&](std::string_view key, std::uint16_t value) {
    std::string bytes = original;
    std::memcpy(bytes.data() + bytes.find(key) + key.size() + 4, &value, 2);
    std::ofstream(shard(1), std::ios::binary | std::ios::trunc) << bytes;
    return open_error(shard(1));
  };
  EXPECT_EQ(patch("split.count", 65535).code(), ErrorCode::kCorruptData);
  EXPECT_EQ(patch("split.count", 4).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(patch("split.no", 1).code(), ErrorCode::kCorruptData);
  EXPECT_NE(patch("split.tensors.count", 6).message().find("hold 5 tensors"), std::string::npos);
}

TEST(ShardName, RoundTripsAndRefuses) {
  const auto name = parse_shard_name("a-00001-of-00002-00002-of-00005.gguf");
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->stem, "a-00001-of-00002");
  EXPECT_EQ(name->number, 2u);
  EXPECT_EQ(name->count, 5u);
  EXPECT_EQ(format_shard_name(*name), "a-00001-of-00002-00002-of-00005.gguf");
  for (const char* wrong :
       {"", ".gguf", "a.gguf", "a-00002-of-00005", "a-00000-of-00005.gguf", "a-00006-of-00005.gguf",
        "a-0002-of-00005.gguf", "a-0x002-of-00005.gguf", "a-00002_of-00005.gguf",
        "a_00002-of-00005.gguf", "a-00002-of-0000x.gguf"}) {
    EXPECT_FALSE(parse_shard_name(wrong).has_value()) << wrong;
  }
}

TEST(Gguf, MissingFile) {
  EXPECT_EQ(error_of([] { Gguf::open("/nonexistent/model.gguf"); }).code(), ErrorCode::kNotFound);
}

TEST(GgufRelease, WhatIsReadAgainIsThere) {
  const Gguf gguf =
      Gguf::open(std::string(HEARTH_SOURCE_DIR) + "/tests/data/tiny/llama_types.gguf");
  const auto digest = [&] {
    Sha256 all;
    for (const std::string_view key : gguf.metadata().keys()) {
      const std::string text = gguf.metadata().to_text(key, 1000);
      all.update(std::as_bytes(std::span(text)));
    }
    for (const GgufTensor& tensor : gguf.tensors()) all.update(tensor.bytes);
    return to_hex(all.finish());
  };
  const std::string before = digest();
  gguf.release_metadata();
  for (const GgufTensor& tensor : gguf.tensors()) gguf.release(tensor.bytes);
  gguf.release(gguf.tensors().front().bytes.first(1));
  EXPECT_EQ(digest(), before);
}

// Of the file's mapping, as the system counts it.
std::size_t resident_kib(const std::string& path) {
  std::ifstream maps("/proc/self/smaps");
  std::size_t kib = 0;
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ')) ours = line.ends_with(path);
    if (ours && line.starts_with("Rss:")) kib += std::stoul(line.substr(4));
  }
  return kib;
}

// From the last to the first: what reading one maps of the next was given back before.
TEST(GgufRelease, LeavesNothingResident) {
  const std::string path =
      std::filesystem::canonical(HEARTH_SOURCE_DIR "/tests/data/tiny/llama_types.gguf");
  const Gguf gguf = Gguf::open(path);
  EXPECT_GT(resident_kib(path), 0u);
  for (std::size_t i = gguf.tensors().size(); i-- > 0;) {
    const GgufTensor& tensor = gguf.tensors()[i];
    Sha256().update(tensor.bytes);
    gguf.release(tensor.bytes);
  }
  gguf.release_metadata();
  EXPECT_EQ(resident_kib(path), 0u);
}

}  // namespace
}  // namespace hearth
