// Hyper-parameters from files that are odd or hostile: read, or refused by name; never believed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "base/error.h"
#include "format/gguf_writer.h"
#include "kernels/attention/attention.h"
#include "models/model.h"

namespace hearth {
namespace {

using testing::HasSubstr;

// A file of metadata and an embedding of 3 tokens by 8.
class TinyFile {
 public:
  explicit TinyFile(std::string family = "llama") : family_(std::move(family)) {
    writer_.set("general.architecture", family_);
    for (const auto& [key, value] : {std::pair{"block_count", 2u},
                                     {"embedding_length", 8u},
                                     {"feed_forward_length", 16u},
                                     {"attention.head_count", 2u},
                                     {"context_length", 64u}}) {
      set(key, value);
    }
    writer_.add_tensor("token_embd.weight", DType::kF32, std::array<std::uint64_t, 2>{8, 3});
  }

  template <typename T>
  TinyFile& set(const std::string& key, T value) {
    writer_.set(family_ + "." + key, value);
    return *this;
  }

  Config read() {
    std::stringstream stream;
    writer_.write(stream, [](std::size_t) { return std::as_bytes(std::span(kEmbedding)); });
    const std::string bytes = stream.str();
    return read_config(Gguf::parse(std::as_bytes(std::span(bytes)), "tiny"));
  }

  std::string refusal(ErrorCode code = ErrorCode::kCorruptData) {
    try {
      read();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      return error.what();
    }
    return "accepted";
  }

 private:
  static constexpr float kEmbedding[24] = {};
  std::string family_;
  GgufWriter writer_;
};

TEST(Config, TakesDefaults) {
  const Config c = TinyFile().read();
  EXPECT_EQ(c.layers, 2u);
  EXPECT_EQ(c.head_dim, 4u);
  EXPECT_EQ(c.kv_heads, 2u);
  EXPECT_EQ(c.rope_dims, 4u);
  EXPECT_EQ(c.window, 0u);
  EXPECT_EQ(c.vocabulary, 3u);
  EXPECT_EQ(c.rope_base, 10000.0);
}

// Converters write 0 for a model without one (Phi-4).
TEST(Config, AWindowOfZeroIsNone) {
  EXPECT_EQ(TinyFile("phi3").set("attention.sliding_window", 0u).read().window, 0u);
  EXPECT_EQ(TinyFile("phi3").set("attention.sliding_window", 7u).read().window, 7u);
  EXPECT_THAT(TinyFile().set("attention.sliding_window", std::uint64_t{1} << 40).refusal(),
              HasSubstr("sliding_window"));
}

TEST(Config, RefusesSizesOutOfTheirLimits) {
  for (const char* key : {"block_count", "embedding_length", "feed_forward_length",
                          "attention.head_count", "context_length", "attention.head_count_kv",
                          "attention.key_length", "rope.dimension_count"}) {
    EXPECT_THAT(TinyFile().set(key, 0u).refusal(), HasSubstr(key));
    EXPECT_THAT(TinyFile().set(key, std::numeric_limits<std::uint64_t>::max()).refusal(),
                HasSubstr(key));
  }
}

// The attention kernels' stack is made for kHeadDimMax.
TEST(Config, RefusesHeadsThatAreTooWide) {
  const auto wide = [](std::uint32_t width, std::uint32_t heads) {
    return TinyFile().set("embedding_length", width).set("attention.head_count", heads);
  };
  EXPECT_EQ(wide(kHeadDimMax, 1).read().head_dim, kHeadDimMax);
  EXPECT_THAT(wide(kHeadDimMax + 2, 1).refusal(), HasSubstr("embedding_length"));
  EXPECT_THAT(wide(1u << 18, 2).refusal(), HasSubstr("embedding_length"));
  EXPECT_THAT(wide(8, 16).refusal(), HasSubstr("head_count")) << "less than one column each";
}

TEST(Config, RefusesWhatContradictsItself) {
  EXPECT_THAT(TinyFile().set("attention.head_count_kv", 3u).refusal(), HasSubstr("divisor"));
  EXPECT_THAT(
      TinyFile().set("attention.key_length", 5u).set("attention.value_length", 5u).refusal(),
      HasSubstr("key_length"));
  EXPECT_THAT(TinyFile().set("attention.value_length", 6u).refusal(), HasSubstr("value_length"));
  EXPECT_THAT(TinyFile().set("rope.dimension_count", 6u).refusal(), HasSubstr("dimension_count"));
  EXPECT_THAT(TinyFile().set("rope.dimension_count", 3u).refusal(), HasSubstr("dimension_count"));
}

TEST(Config, RefusesNumbersThatAreNoSizes) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float value : {0.0f, -1.0f, nan, infinity}) {
    EXPECT_THAT(TinyFile().set("rope.freq_base", value).refusal(), HasSubstr("freq_base"));
    EXPECT_THAT(TinyFile().set("attention.layer_norm_rms_epsilon", value).refusal(),
                HasSubstr("epsilon"));
  }
}

TEST(Config, KnowsItsRopeScalings) {
  TinyFile linear;
  linear.set("rope.scaling.type", std::string_view("linear")).set("rope.scaling.factor", 4.0f);
  EXPECT_EQ(linear.read().rope_scale, 0.25);
  EXPECT_THAT(TinyFile()
                  .set("rope.scaling.type", std::string_view("yarn"))
                  .refusal(ErrorCode::kUnsupported),
              HasSubstr("yarn"));
}

TEST(Config, RopeFactorsMustBeOnePerPair) {
  const Config c = TinyFile().read();
  const std::vector<float> factors = {1.0f, 2.0f};
  const Rope rope = make_rope(c, 100.0, 0.5, factors, true);
  ASSERT_EQ(rope.inverse_frequency.size(), 2u);
  EXPECT_DOUBLE_EQ(rope.inverse_frequency[0], 0.5);
  EXPECT_DOUBLE_EQ(rope.inverse_frequency[1], 0.5 * 0.1 / 2);
  EXPECT_THROW(make_rope(c, 100.0, 1.0, std::vector<float>{1.0f}, true), Error);
}

}  // namespace
}  // namespace hearth
