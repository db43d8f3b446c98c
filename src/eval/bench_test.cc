#include "eval/bench.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"

namespace hearth {
namespace {

class TinyModel {
 public:
  TinyModel(const std::string& name, std::size_t context)
      : file_(Gguf::open(std::filesystem::path(HEARTH_SOURCE_DIR) / "tests/data/tiny" /
                         (name + ".gguf"))),
        device_(make_device({.isa = "portable", .threads = 1})),
        model_(load_model(file_, *device_, {})),
        engine_(*model_, *device_, {.context = context}) {}

  std::vector<BenchRow> bench(const BenchOptions& options, const MeasureLimits& limits) {
    return hearth::bench({file_, *model_, *device_, engine_, 0.5}, options, limits);
  }
  bool idle() const { return engine_.idle(); }
  std::size_t layers() const { return model_->config().layers; }

 private:
  Gguf file_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Model> model_;
  Engine engine_;
};

BenchOptions small_rows() {
  BenchOptions options;
  options.rows = {"batched", "depth", "generation", "prompt", "load"};
  options.prompt_tokens = 5;
  options.generated_tokens = 3;
  options.repetitions = 2;
  options.depth = 96;
  options.depth_prompt_tokens = 40;
  options.depth_generated_tokens = 4;
  options.sequences = {1, 3};
  options.batched_depth = 32;
  options.batched_tokens = 10;
  return options;
}

// A model with and one without windows: what a window has passed must not be missed.
TEST(Bench, MeasuresEveryRowInTheContextItAsksFor) {
  for (const char* name : {"llama_gqa", "gemma3_pattern"}) {
    const BenchOptions options = small_rows();
    TinyModel model(name, bench_context(options));
    std::size_t measured = 0;
    const MachineLimits limits{.int8_gops = 100, .read_gbytes_per_second = 10};
    const std::vector<BenchRow> rows = model.bench(options, [&] {
      ++measured;
      return limits;
    });
    std::vector<std::string> names;
    for (const BenchRow& row : rows) {
      names.push_back(row.name);
      EXPECT_GT(row.seconds, 0) << row.name;
      EXPECT_GT(row.speed.tokens_per_second, 0) << row.name;
      EXPECT_LE(row.tokens_per_second_min, row.speed.tokens_per_second) << row.name;
      EXPECT_GE(row.tokens_per_second_max, row.speed.tokens_per_second) << row.name;
      EXPECT_EQ(row.limits.int8_gops, 100) << row.name;
    }
    EXPECT_EQ(names, (std::vector<std::string>{"load", "pp5", "tg3", "pp40@d96", "tg4@d96",
                                               "tg10@d32", "tg10x3"}));
    EXPECT_GT(rows.front().seconds, 0.5) << "the load is part of it";
    EXPECT_EQ(measured, rows.size());
    EXPECT_TRUE(model.idle());
  }
}

TEST(Bench, TellsWhereTheTimeOfARowGoes) {
  BenchOptions options = small_rows();
  options.rows = {"prompt", "generation"};
  options.layers = true;
  TinyModel model("llama_gqa", bench_context(options));
  for (const BenchRow& row : model.bench(options, [] { return MachineLimits{}; })) {
    double seconds = 0;
    std::size_t attended = 0;
    for (const RegionTime& time : row.regions) {
      EXPECT_GE(time.seconds, time.busy_seconds) << time.label.operation;
      seconds += time.seconds;
      if (time.label.operation == std::string("attend")) attended += time.regions;
    }
    EXPECT_GT(seconds, 0) << row.name;
    EXPECT_EQ(attended, model.layers() * row.steps) << row.name;
  }
}

TEST(Bench, TellsWhenTheCacheLosesTheDepth) {
  BenchOptions options = small_rows();
  options.rows = {"batched"};
  options.sequences = {16};
  options.batched_depth = 64;
  // One block too few for two of the sixteen sequences.
  TinyModel model("llama_gqa", 96);
  try {
    model.bench(options, [] { return MachineLimits{}; });
    FAIL() << "measured";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted) << error.what();
  }
}

TEST(Bench, RefusesRowsAndDepthsThatItDoesNotHave) {
  BenchOptions unknown;
  unknown.rows = {"prompt", "nonsense"};
  BenchOptions uneven;
  uneven.depth = 100;
  TinyModel model("llama_gqa", 64);
  for (const BenchOptions& options : {unknown, uneven}) {
    try {
      model.bench(options, [] { return MachineLimits{}; });
      FAIL() << "measured";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
    }
  }
}

}  // namespace
}  // namespace hearth
