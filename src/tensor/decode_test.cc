#include "tensor/decode.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace hearth {
namespace {

// What scripts/make_decode_vectors.py writes, from PyPI gguf.
struct Vectors {
  DType type{};
  std::size_t elements = 0;
  std::vector<std::byte> blocks;
  std::vector<float> expected;  // [elements]
};

std::string vectors_folder() {
  const char* folder = std::getenv("HEARTH_DECODE_VECTORS");
  return folder != nullptr ? folder : HEARTH_SOURCE_DIR "/tests/data/decode";
}

Vectors read_vectors(const DTypeInfo& info) {
  const std::string path = vectors_folder() + "/" + std::string(info.name) + ".bin";
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  Vectors vectors;
  constexpr std::size_t kHeaderBytes = 16;  // "HDECODE1", u32 id, u32 elements
  if (bytes.size() < kHeaderBytes || std::memcmp(bytes.data(), "HDECODE1", 8) != 0) {
    ADD_FAILURE() << path << " is missing or has no HDECODE1 header";
    return vectors;
  }
  std::uint32_t id = 0;
  std::uint32_t elements = 0;
  std::memcpy(&id, bytes.data() + 8, 4);
  std::memcpy(&elements, bytes.data() + 12, 4);
  const std::size_t block_bytes = row_bytes(info.type, elements);
  if (bytes.size() != kHeaderBytes + block_bytes + 4 * std::size_t{elements}) {
    ADD_FAILURE() << path << " has " << bytes.size() << " bytes";
    return vectors;
  }
  EXPECT_EQ(id, static_cast<std::uint32_t>(info.type));
  vectors.type = info.type;
  vectors.elements = elements;
  vectors.blocks.resize(block_bytes);
  std::memcpy(vectors.blocks.data(), bytes.data() + kHeaderBytes, block_bytes);
  vectors.expected.resize(elements);
  std::memcpy(vectors.expected.data(), bytes.data() + kHeaderBytes + block_bytes, 4 * elements);
  return vectors;
}

bool same_bits_or_both_nan(float a, float b) {
  if (std::isnan(b)) return std::isnan(a);
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

TEST(DecodeVectors, EveryTypeIsBitEqualToPyPiGguf) {
  std::size_t types = 0;
  for (const DTypeInfo& info : all_dtypes()) {
    const Vectors vectors = read_vectors(info);
    ASSERT_GT(vectors.elements, 0u) << info.name;
    std::vector<float> decoded(vectors.elements, -1.0f);
    decode(vectors.type, vectors.blocks.data(), vectors.elements, decoded.data());
    std::size_t different = 0;
    std::size_t nans = 0;
    for (std::size_t i = 0; i < vectors.elements; ++i) {
      nans += std::isnan(vectors.expected[i]) ? 1 : 0;
      if (same_bits_or_both_nan(decoded[i], vectors.expected[i])) continue;
      if (different++ < 3) {
        ADD_FAILURE() << info.name << " element " << i << ": " << decoded[i] << ", gguf says "
                      << vectors.expected[i];
      }
    }
    EXPECT_LT(nans, vectors.elements / 2) << info.name << ": most of the vectors say nothing";
    std::printf("types: %-6s %8zu blocks %9zu elements %zu different\n",
                std::string(info.name).c_str(), vectors.elements / info.block_elements,
                vectors.elements, different);
    ++types;
  }
  EXPECT_EQ(types, 15u);
}

TEST(Decode, SourceNeedsNoAlignment) {
  for (const DTypeInfo& info : all_dtypes()) {
    const Vectors vectors = read_vectors(info);
    std::vector<std::byte> shifted(vectors.blocks.size() + 1);
    std::memcpy(shifted.data() + 1, vectors.blocks.data(), vectors.blocks.size());
    std::vector<float> decoded(vectors.elements);
    decode(vectors.type, shifted.data() + 1, vectors.elements, decoded.data());
    for (std::size_t i = 0; i < vectors.elements; ++i) {
      ASSERT_TRUE(same_bits_or_both_nan(decoded[i], vectors.expected[i])) << info.name << " " << i;
    }
  }
}

TEST(Decode, WritesOnlyItsElements) {
  const std::vector<std::byte> zeros(256);
  for (const DTypeInfo& info : all_dtypes()) {
    std::vector<float> out(info.block_elements + 1, 7.0f);
    decode(info.type, zeros.data(), info.block_elements, out.data());
    EXPECT_EQ(out.back(), 7.0f) << info.name;
    decode(info.type, zeros.data(), 0, out.data() + info.block_elements);
    EXPECT_EQ(out.back(), 7.0f) << info.name;
  }
}

TEST(DecodeDeathTest, PartOfABlockIsAProgrammerError) {
  const std::vector<std::byte> zeros(256);
  std::vector<float> out(512);
  EXPECT_DEATH(decode(DType::kQ4_K, zeros.data(), 128, out.data()), "CHECK");
}

}  // namespace
}  // namespace hearth
