// One result, however computed: per model, instruction set, layout and cache type, a row's logits
// are the same bits whatever the batch, threads, chunks, cache hits and company.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/random.h"
#include "engine/engine.h"
#include "kernels/isa.h"
#include "models/model.h"

namespace hearth {
namespace {

using Logits = std::map<std::size_t, std::vector<float>>;  // by position

struct How {
  std::string isa;
  CacheTypes types = {};
  std::size_t threads = 1;
  std::size_t chunk = 512;
  std::size_t company = 0;  // other sequences at the same time
  bool from_cache = false;  // after the same prompt was computed once
  bool fast = false;
};

class Bench {
 public:
  Bench(const std::filesystem::path& path, const How& how)
      : file_(Gguf::open(path)),
        device_(make_device({.isa = how.isa, .threads = how.threads, .fast = how.fast})),
        model_(load_model(file_, *device_, {kContext, how.types, {}})),
        // Company takes cache too: room for all of them.
        engine_(*model_, *device_,
                {.context = kContext * (how.company + 1),
                 .cache_bytes = 0,
                 .rows_per_step = how.chunk}) {}

  std::vector<TokenId> random_prompt(std::uint64_t seed, std::size_t tokens) const {
    Random random(seed);
    std::vector<TokenId> prompt;
    for (std::size_t i = 0; i < tokens; ++i) {
      prompt.push_back(static_cast<TokenId>(random.next() % model_->config().vocabulary));
    }
    return prompt;
  }

  void submit(std::uint64_t seed, std::size_t tokens, bool reuse, Logits* logits) {
    Request request;
    request.prompt = random_prompt(seed, tokens);
    request.max_tokens = 0;
    request.reuse_prefix = reuse;
    request.on_logits = [logits](std::size_t position, std::span<const float> row) {
      if (logits != nullptr) (*logits)[position].assign(row.begin(), row.end());
    };
    engine_.submit(std::move(request));
  }

  void run() { engine_.run(); }

  std::uint64_t cached_rows() const { return engine_.counters().cached_rows; }

 private:
  static constexpr std::size_t kContext = 1024;
  Gguf file_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Model> model_;
  Engine engine_;
};

Logits logits_of(const std::filesystem::path& path, std::size_t tokens, const How& how) {
  Bench bench(path, how);
  if (how.from_cache) {
    bench.submit(1, tokens, false, nullptr);
    bench.run();
  }
  Logits logits;
  for (std::size_t i = 0; i < how.company; ++i) bench.submit(100 + i, 5 + 3 * i, false, nullptr);
  bench.submit(1, tokens, how.from_cache, &logits);
  bench.run();
  EXPECT_EQ(bench.cached_rows() > 0, how.from_cache);
  return logits;
}

// Every position of `got` has the bits it has in `wanted`; how many rows that was.
void expect_same_bits(const Logits& wanted, const Logits& got, const std::string& what) {
  ASSERT_FALSE(got.empty()) << what;
  for (const auto& [position, row] : got) {
    const std::vector<float>& other = wanted.at(position);
    ASSERT_EQ(std::memcmp(row.data(), other.data(), row.size() * sizeof(float)), 0)
        << what << ", position " << position;
  }
}

void check_all_ways(const std::filesystem::path& path, std::size_t tokens, How how) {
  how.chunk = 1;
  const Logits wanted = logits_of(path, tokens, how);
  ASSERT_EQ(wanted.size(), tokens);
  for (const std::size_t chunk : {7u, 32u, 512u}) {
    for (std::size_t threads = 1; threads <= 4; ++threads) {
      how.chunk = chunk;
      how.threads = threads;
      expect_same_bits(wanted, logits_of(path, tokens, how),
                       how.isa + ", chunks of " + std::to_string(chunk) + ", " +
                           std::to_string(threads) + " threads");
    }
  }
  how.threads = 2;
  how.from_cache = true;
  expect_same_bits(wanted, logits_of(path, tokens, how), how.isa + ", from the cache");
  how.from_cache = false;
  how.chunk = 64;
  for (const std::size_t company : {1u, 5u}) {
    how.company = company;
    expect_same_bits(wanted, logits_of(path, tokens, how),
                     how.isa + ", among " + std::to_string(company) + " others");
  }
}

class Decision4 : public testing::TestWithParam<const char*> {};

// 70 positions cross two blocks; the window model drops blocks on the way.
TEST_P(Decision4, TinyModels) {
  if (!isa_supported(*isa_from_name(GetParam()))) GTEST_SKIP() << "this CPU lacks " << GetParam();
  for (const char* model :
       {"llama_types.gguf", "llama_gqa.gguf", "gemma3_window.gguf", "phi3_window.gguf"}) {
    SCOPED_TRACE(model);
    check_all_ways(std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny" / model, 70,
                   {.isa = GetParam()});
  }
}

// Not the result without, but one result too.
TEST(Decision4Fast, TinyModel) {
  if (!isa_supported(Isa::kAvx512Bf16)) GTEST_SKIP() << "this CPU lacks avx512_bf16";
  const auto path = std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny/llama_types.gguf";
  const How fast{.isa = "avx512_bf16", .fast = true};
  EXPECT_NE(logits_of(path, 70, fast), logits_of(path, 70, {.isa = fast.isa}));
  check_all_ways(path, 70, fast);
}

// Keys and values of every type; two threads store positions of one block at once.
TEST_P(Decision4, CacheTypes) {
  if (!isa_supported(*isa_from_name(GetParam()))) GTEST_SKIP() << "this CPU lacks " << GetParam();
  for (const char* name : {"f16,q8_0", "q8_0,q4_0", "q4_0"}) {
    for (const char* model : {"llama_gqa.gguf", "gemma3_window.gguf"}) {
      SCOPED_TRACE(std::string(name) + ", " + model);
      check_all_ways(std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny" / model, 70,
                     {.isa = GetParam(), .types = *cache_types_from_name(name)});
    }
  }
}

// 1 to 33 and 64 columns: the logits of the last position, computed in one chunk with that many
// rows before it.
TEST_P(Decision4, EveryNumberOfColumns) {
  if (!isa_supported(*isa_from_name(GetParam()))) GTEST_SKIP() << "this CPU lacks " << GetParam();
  const auto path = std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny/llama_types.gguf";
  const Logits wanted = logits_of(path, 64, {.isa = GetParam(), .chunk = 1});
  for (std::size_t columns = 1; columns <= 64; columns = columns == 33 ? 64 : columns + 1) {
    expect_same_bits(wanted, logits_of(path, columns, {.isa = GetParam(), .threads = 2}),
                     std::to_string(columns) + " columns");
  }
}

// Past 512 positions attention is cut into partitions, which several threads compute apart in
// decode.
TEST_P(Decision4, PartitionsOfAttention) {
  if (!isa_supported(*isa_from_name(GetParam()))) GTEST_SKIP() << "this CPU lacks " << GetParam();
  const auto path =
      std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny/llama_mha_tied.gguf";
  for (const char* name : {"f16", "q8_0,q4_0"}) {
    const CacheTypes types = *cache_types_from_name(name);
    const Logits wanted = logits_of(path, 600, {.isa = GetParam(), .types = types, .chunk = 1});
    expect_same_bits(
        wanted, logits_of(path, 600, {.isa = GetParam(), .types = types, .threads = 3, .chunk = 1}),
        std::string(name) + ", split decode");
    expect_same_bits(wanted,
                     logits_of(path, 600, {.isa = GetParam(), .types = types, .threads = 2}),
                     std::string(name) + ", prefill");
  }
}

TEST_P(Decision4, RealModel) {
  if (!isa_supported(*isa_from_name(GetParam()))) GTEST_SKIP() << "this CPU lacks " << GetParam();
  const char* path = std::getenv("HEARTH_TEST_MODEL_SMOLLM2");
  ASSERT_NE(path, nullptr)
      << "HEARTH_TEST_MODEL_SMOLLM2 must name SmolLM2's GGUF file (make test pulls it)";
  const Logits wanted = logits_of(path, 40, {.isa = GetParam(), .chunk = 1});
  expect_same_bits(wanted, logits_of(path, 40, {.isa = GetParam(), .threads = 2, .chunk = 7}),
                   "chunks of 7");
  expect_same_bits(wanted, logits_of(path, 40, {.isa = GetParam(), .threads = 2}), "one chunk");
  expect_same_bits(wanted, logits_of(path, 40, {.isa = GetParam(), .threads = 2, .company = 3}),
                   "company");
}

INSTANTIATE_TEST_SUITE_P(Isa, Decision4,
                         testing::Values("portable", "avx2", "avx2_vnni", "avx512_vnni",
                                         "avx512_bf16"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace hearth
