// Every Device against a float64 forward in numpy (scripts/reference_forward.py), on tiny
// random-weight models of each family; goldens by scripts/make_goldens.py.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "engine/engine.h"
#include "kernels/isa.h"
#include "models/model.h"

namespace hearth {
namespace {

const std::filesystem::path kTiny = std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny";

std::vector<float> read_floats(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

// The largest |ours - golden| of all golden positions, in standard deviations of the golden logits.
double largest_deviation(const nlohmann::json& golden, const std::string& isa, CacheType cache) {
  const Gguf file = Gguf::open(kTiny / golden["model"].get<std::string>());
  const auto device = make_device({isa, 2});
  const std::size_t context = golden["context_tokens"];
  const auto model = load_model(file, *device, {context, {cache, cache}, {}});
  Engine engine(*model, *device, {.context = context, .cache_bytes = 0, .rows_per_step = 32});
  const std::vector<float> wanted = read_floats(kTiny / golden["logits"].get<std::string>());
  const std::size_t vocabulary = golden["vocabulary"];
  const std::vector<std::size_t> positions = golden["positions"];
  std::size_t compared = 0;
  double largest = 0;
  Request request;
  request.prompt = golden["ids"].get<std::vector<TokenId>>();
  request.max_tokens = 0;
  request.reuse_prefix = false;
  request.on_logits = [&](std::size_t position, std::span<const float> logits) {
    if (compared == positions.size() || positions[compared] != position) return;
    for (std::size_t i = 0; i < vocabulary; ++i) {
      EXPECT_TRUE(std::isfinite(logits[i])) << "position " << position << ", id " << i;
      largest = std::max(largest, std::abs(double{logits[i]} - wanted[compared * vocabulary + i]));
    }
    ++compared;
  };
  engine.submit(std::move(request));
  engine.run();
  EXPECT_EQ(compared, positions.size());
  return largest / golden["deviation"].get<double>();
}

class GoldenLogits : public testing::TestWithParam<nlohmann::json> {};

TEST_P(GoldenLogits, ReferenceDevice) {
  EXPECT_LE(largest_deviation(GetParam(), "reference", CacheType::kF32), 1e-4);
}

// F32 weights and an F32 cache leave only the order of f32 additions: the same tolerance holds.
// Quantized weights bring quantized activations, 1/254 of a block's largest value each: half a
// deviation would be a wrong formula.
TEST_P(GoldenLogits, EveryInstructionSet) {
  const bool quantized = GetParam()["model"] == "llama_types.gguf";
  for (const char* isa : {"portable", "avx2", "avx2_vnni", "avx512_vnni", "avx512_bf16"}) {
    if (!isa_supported(*isa_from_name(isa))) continue;
    EXPECT_LE(largest_deviation(GetParam(), isa, CacheType::kF32), quantized ? 0.1 : 1e-4) << isa;
  }
}

TEST(CacheTypesOfModels, KeyBiasesRefuseFourBits) {
  const auto device = make_device({"portable", 1});
  const auto load = [&](const char* model, const char* types) {
    const Gguf file = Gguf::open(kTiny / model);
    load_model(file, *device, {256, *cache_types_from_name(types), {}});
  };
  for (const char* types : {"q4_0", "q4_0,f16"}) {
    try {
      load("qwen2_gqa.gguf", types);
      ADD_FAILURE() << types;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_NE(std::string(error.what()).find("q8_0,q4_0"), std::string::npos) << error.what();
    }
  }
  load("qwen2_gqa.gguf", "q8_0,q4_0");
  load("llama_gqa.gguf", "q4_0");
}

std::vector<nlohmann::json> goldens() {
  std::ifstream file(kTiny / "goldens.json");
  return nlohmann::json::parse(file)["goldens"];
}

INSTANTIATE_TEST_SUITE_P(Tiny, GoldenLogits, testing::ValuesIn(goldens()), [](const auto& test) {
  std::string name = test.param["logits"];
  return name.substr(0, name.find('.'));
});

}  // namespace
}  // namespace hearth
