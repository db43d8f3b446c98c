#include "host/weight_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "host/loaded_model.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class WeightCacheTest : public ::testing::Test {
 protected:
  WeightCacheTest()
      : folder_(fs::temp_directory_path() / ("weight_cache_" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~WeightCacheTest() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name) << bytes;
    return folder_ / name;
  }

  // Logits of a short prompt, and how much of the file was packed.
  struct Outcome {
    std::vector<float> logits;
    std::uint64_t packed_bytes = 0;
  };
  static Outcome run(const LoadOptions& base) {
    Outcome outcome;
    LoadOptions options = base;
    options.on_progress = [&](std::uint64_t done, std::uint64_t) { outcome.packed_bytes = done; };
    const auto loaded = open_model(HEARTH_SOURCE_DIR "/tests/data/tiny/llama_types.gguf", options);
    Request request;
    request.prompt = {1, 2, 3};
    request.max_tokens = 0;
    request.on_logits = [&](std::size_t, std::span<const float> row) {
      outcome.logits.insert(outcome.logits.end(), row.begin(), row.end());
    };
    loaded->engine->submit(std::move(request));
    loaded->engine->run();
    return outcome;
  }

  fs::path folder_;
};

TEST_F(WeightCacheTest, ABlobIsItsDigestAndAFileItsPlace) {
  const WeightCache cache("/kept");
  const std::string digest(64, 'a');
  const fs::path blob_path = write("sha256-" + digest, "xx");
  const auto blob = cache.image_of(blob_path, 2, {.isa = "avx2"});
  ASSERT_TRUE(blob);
  EXPECT_EQ(blob->path, "/kept/" + digest + "/avx2");
  const auto fast = cache.image_of(blob_path, 2, {.isa = "avx512_bf16", .fast = true});
  ASSERT_TRUE(fast);
  EXPECT_EQ(fast->path, "/kept/" + digest + "/avx512_bf16_fast");
  EXPECT_EQ(blob->model, digest);

  const fs::path file = write("model.gguf", "xx");
  const auto first = cache.image_of(file, 2, {});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->path, cache.image_of(file, 2, {})->path);
  fs::last_write_time(file, fs::last_write_time(file) - 1s);
  EXPECT_NE(first->path, cache.image_of(file, 2, {})->path);
  EXPECT_NE(first->path, cache.image_of(write("other.gguf", "xx"), 2, {})->path);
}

TEST_F(WeightCacheTest, HasNothingForAModelOfSeveralFiles) {
  const WeightCache cache(folder_);
  EXPECT_FALSE(cache.image_of(write("model-00001-of-00002.gguf", "xx"), 3, {}));
  EXPECT_FALSE(cache.image_of(folder_ / "missing", 0, {}));
}

TEST_F(WeightCacheTest, TrimKeepsTheLastUsed) {
  const WeightCache cache(folder_);
  for (int i = 0; i < 7; ++i) {
    const std::string name(1, static_cast<char>('a' + i));
    fs::create_directories(folder_ / name);
    const fs::path image = write(name + "/avx2", "x");
    fs::last_write_time(image, fs::file_time_type::clock::now() - 1h * ((i * 3) % 7));
  }
  cache.trim();  // ages in hours: a 0, b 3, c 6, d 2, e 5, f 1, g 4
  for (const char* kept : {"a", "b", "d", "f"}) EXPECT_TRUE(fs::exists(folder_ / kept)) << kept;
  for (const char* gone : {"c", "e", "g"}) EXPECT_FALSE(fs::exists(folder_ / gone)) << gone;
}

TEST_F(WeightCacheTest, MappedAndInPlaceWeightsGiveTheSameLogits) {
  LoadOptions options;
  options.context = 64;
  const Outcome plain = run(options);
  options.weight_cache = folder_ / "kept";
  const Outcome first = run(options);
  const Outcome second = run(options);
  EXPECT_GT(first.packed_bytes, 0u);
  EXPECT_EQ(second.packed_bytes, 0u);
  EXPECT_EQ(first.logits, plain.logits);
  EXPECT_EQ(second.logits, plain.logits);

  options.weight_cache.clear();
  options.device.isa = "portable";
  const Outcome portable = run(options);
  options.device.in_place = true;
  EXPECT_EQ(run(options).logits, portable.logits);
}

}  // namespace
}  // namespace hearth
