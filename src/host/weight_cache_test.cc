#include "host/weight_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <thread>

#include "host/loaded_model.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* kModel = HEARTH_SOURCE_DIR "/tests/data/tiny/llama_types.gguf";

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

  fs::path copy_of_model(const std::string& below, const std::string& name) {
    fs::create_directories(folder_ / below);
    fs::copy_file(kModel, folder_ / below / name);
    return folder_ / below / name;
  }

  // Other weights of the same shapes, in place.
  static void spoil(const fs::path& model) {
    std::fstream file(model, std::ios::in | std::ios::out | std::ios::binary);
    for (int i = 1; i <= 256; ++i) {
      file.seekg(-i, std::ios::end);
      const int byte = file.get();
      file.seekp(-i, std::ios::end);
      file.put(static_cast<char>(byte ^ 1));
    }
  }

  // Logits of a short prompt, and how much of the file was packed.
  struct Outcome {
    std::vector<float> logits;
    std::uint64_t packed_bytes = 0;
  };
  static Outcome run(const LoadOptions& base, const fs::path& model = kModel) {
    Outcome outcome;
    LoadOptions options = base;
    options.on_progress = [&](std::uint64_t done, std::uint64_t) { outcome.packed_bytes = done; };
    const auto loaded = open_model(model, options);
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

TEST_F(WeightCacheTest, ABlobIsItsDigestAndAFileItsIdentity) {
  const WeightCache cache("/kept");
  std::array<std::uint64_t, 7> identity{1, 2, 3, 4, 5, 6, 7};
  const auto blob = cache.image_of(identity, "abc", {.isa = "avx2"});
  ASSERT_TRUE(blob);
  EXPECT_EQ(blob->path, "/kept/abc/avx2");
  EXPECT_EQ(blob->model, "abc");
  const auto fast = cache.image_of(identity, "abc", {.isa = "avx512_bf16", .fast = true});
  ASSERT_TRUE(fast);
  EXPECT_EQ(fast->path, "/kept/abc/avx512_bf16_fast");

  const auto file = cache.image_of(identity, "", {});
  ASSERT_TRUE(file);
  EXPECT_EQ(file->path, cache.image_of(identity, "", {})->path);
  for (std::uint64_t& fact : identity) {
    ++fact;
    const auto other = cache.image_of(identity, "", {});
    EXPECT_NE(other->path, file->path);
    EXPECT_NE(other->model, file->model);
    --fact;
  }
  EXPECT_FALSE(cache.image_of({}, "abc", {}));  // of several files
}

TEST_F(WeightCacheTest, AFileThatIsCalledLikeABlobIsNoBlob) {
  const std::string name = "sha256-" + std::string(64, 'a');
  const fs::path first = copy_of_model("elsewhere", name);
  const fs::path second = copy_of_model("else", name);
  spoil(second);
  LoadOptions options;
  options.context = 64;
  const Outcome wanted = run(options, second);
  EXPECT_NE(run(options, first).logits, wanted.logits);

  options.weight_cache = folder_ / "kept";
  EXPECT_GT(run(options, first).packed_bytes, 0u);
  const Outcome found = run(options, second);
  EXPECT_GT(found.packed_bytes, 0u);
  EXPECT_EQ(found.logits, wanted.logits);
  options.blob_digest = std::string(64, 'a');
  EXPECT_GT(run(options, second).packed_bytes, 0u);
  EXPECT_EQ(run(options, second).packed_bytes, 0u);
}

TEST_F(WeightCacheTest, AFileWrittenInPlaceIsPackedAgain) {
  const fs::path model = copy_of_model("own", "model.gguf");
  LoadOptions options;
  options.context = 64;
  options.weight_cache = folder_ / "kept";
  EXPECT_GT(run(options, model).packed_bytes, 0u);
  EXPECT_EQ(run(options, model).packed_bytes, 0u);
  const auto written = fs::last_write_time(model);
  std::this_thread::sleep_for(50ms);  // a kernel's clock ticks each 10
  spoil(model);
  fs::last_write_time(model, written);
  const Outcome found = run(options, model);
  EXPECT_GT(found.packed_bytes, 0u);
  options.weight_cache.clear();
  EXPECT_EQ(found.logits, run(options, model).logits);
}

TEST_F(WeightCacheTest, AFileReplacedWhileItLoadsIsNotTheNewOne) {
  const fs::path path = copy_of_model("own", "model.gguf");
  const Gguf mapped = Gguf::open(path);
  fs::rename(copy_of_model("own", "new.gguf"), path);
  const WeightCache cache(folder_);
  const auto image = cache.image_of(mapped.identity(), "", {});
  const auto other = cache.image_of(Gguf::open(path).identity(), "", {});
  ASSERT_TRUE(image && other);
  EXPECT_NE(image->path, other->path);
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
