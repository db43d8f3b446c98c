#include "eval/speed.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace hearth {
namespace {

TEST(Speed, CountsTheHeadOncePerPromptAndForEachGeneratedToken) {
  const TokenCost cost{.layer_elements = 3'000'000'000,
                       .layer_bytes = 2'000'000'000,
                       .head_elements = 1'000'000'000,
                       .head_bytes = 500'000'000};
  const Speed prompt = prompt_speed(cost, 10, 2);
  EXPECT_DOUBLE_EQ(prompt.tokens_per_second, 5);
  EXPECT_DOUBLE_EQ(prompt.gops, 2 * (10 * 3 + 1) / 2.0);
  EXPECT_EQ(prompt.gbytes_per_second, 0);
  const Speed generation = generation_speed(cost, 10, 2);
  EXPECT_DOUBLE_EQ(generation.gops, 2 * 10 * (3 + 1) / 2.0);
  EXPECT_DOUBLE_EQ(generation.gbytes_per_second, 10 * 2.5 / 2);
}

TEST(Speed, SequencesShareTheWeightsAndReadTheirOwnCaches) {
  const TokenCost cost{.layer_elements = 3'000'000'000,
                       .layer_bytes = 2'000'000'000,
                       .head_elements = 1'000'000'000,
                       .head_bytes = 500'000'000,
                       .caches = {{.bytes_per_position = 1'000'000, .window = 0},
                                  {.bytes_per_position = 10'000'000, .window = 7}}};
  const Generation generation{.steps = 2, .sequences = 3, .depth = 5};
  const Speed speed = generation_speed(cost, generation, 2);
  EXPECT_DOUBLE_EQ(speed.tokens_per_second, 2 * 3 / 2.0);
  EXPECT_DOUBLE_EQ(speed.gops, 2 * 2 * 3 * (3 + 1) / 2.0);
  // The steps' rows stand at positions 5 and 6 and see 6 and 7 positions.
  const double weights = 2 * 2.5;
  const double caches = 3 * (0.001 * (6 + 7) + 0.010 * (6 + 7));
  EXPECT_DOUBLE_EQ(speed.gbytes_per_second, (weights + caches) / 2);
  const Speed deep = generation_speed(cost, {.steps = 1, .depth = 99}, 1);
  EXPECT_DOUBLE_EQ(deep.gbytes_per_second, 2.5 + 0.001 * 100 + 0.010 * 7);
}

TEST(Speed, CoresAreSharedWhereTwoThreadsDoLittleMoreThanOne) {
  EXPECT_FALSE(cores_shared(100, 100, 1));
  EXPECT_TRUE(cores_shared(100, 105, 2));
  EXPECT_TRUE(cores_shared(100, 129, 2));
  EXPECT_FALSE(cores_shared(100, 131, 2));
  EXPECT_FALSE(cores_shared(100, 380, 4));
  EXPECT_FALSE(cores_shared(0, 0, 2)) << "no int8 peak, nothing known";
}

TEST(Speed, NothingComputedHasNoSpeed) {
  const TokenCost cost{1, 1, 1, 1};
  for (const Speed& speed : {prompt_speed(cost, 0, 1), prompt_speed(cost, 1, 0),
                             generation_speed(cost, 0, 1), generation_speed(cost, 1, 0)}) {
    EXPECT_EQ(speed.tokens_per_second, 0);
    EXPECT_EQ(speed.gops, 0);
    EXPECT_EQ(speed.gbytes_per_second, 0);
  }
  EXPECT_EQ(share_of(5, 0), 0);
}

TEST(TokenCost, TakesATiedEmbeddingForTheHead) {
  const std::filesystem::path tiny = std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny";
  for (const char* name : {"llama_gqa.gguf", "llama_mha_tied.gguf"}) {
    const Gguf file = Gguf::open(tiny / name);
    const GgufTensor* output = file.find("output.weight");
    const GgufTensor* embedding = file.find("token_embd.weight");
    ASSERT_NE(embedding, nullptr);
    EXPECT_EQ(output == nullptr, std::string(name) == "llama_mha_tied.gguf");
    std::uint64_t matrices = 0;
    for (const GgufTensor& tensor : file.tensors()) {
      if (tensor.shape.size() == 2) matrices += tensor.elements();
    }
    const TokenCost cost = token_cost(file);
    EXPECT_EQ(cost.head_elements, (output == nullptr ? embedding : output)->elements());
    // Rows of an embedding that is no head are looked up, not multiplied with.
    const std::uint64_t looked_up = output == nullptr ? 0 : embedding->elements();
    EXPECT_EQ(cost.layer_elements + cost.head_elements, matrices - looked_up);
  }
}

}  // namespace
}  // namespace hearth
