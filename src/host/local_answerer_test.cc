// The Answerer of this process on a tiny model of random weights.
#include <gtest/gtest.h>

#include <filesystem>
#include <utility>

#include "host/answerer.h"

namespace hearth {
namespace {

using Progress = std::vector<std::pair<std::size_t, std::size_t>>;

class LocalAnswererTest : public ::testing::Test {
 protected:
  Answer ask(const std::string& prompt, AskOptions options) {
    options.max_tokens = 3;
    options.on_prompt = [&](std::size_t done, std::size_t all) {
      progress.emplace_back(done, all);
    };
    return answerer->complete(prompt, options, {}, nullptr);
  }

  std::unique_ptr<LoadedModel> loaded =
      open_model(std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny/llama_gqa.gguf",
                 {.device = {.isa = "portable", .threads = 1},
                  .context = 256,
                  .rows_per_step = 20,
                  .cache_types = {},
                  .on_progress = {}});
  std::unique_ptr<Answerer> answerer = make_local_answerer(*loaded);
  Progress progress;
};

TEST_F(LocalAnswererTest, TellsHowMuchOfThePromptIsRead) {
  const std::string prompt(50, 'a');
  const std::size_t all = ask(prompt, {}).prompt_token_ids.size();
  ASSERT_GT(all, 40u);
  ASSERT_LE(all, 52u);
  EXPECT_EQ(progress, (Progress{{0, all}, {20, all}, {40, all}, {all, all}}));
  // The second time a block of 32 positions is in the cache.
  progress.clear();
  EXPECT_EQ(ask(prompt, {}).timings.cached_tokens, 32u);
  EXPECT_EQ(progress, (Progress{{0, all}, {all, all}}));
}

}  // namespace
}  // namespace hearth
