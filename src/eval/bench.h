// Speed of a model on this machine: fixed prompts, medians of repetitions, each kind of work beside
// the machine's limits as measured right before it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "eval/speed.h"
#include "format/gguf.h"
#include "models/model.h"

namespace hearth {

struct BenchRow {
  std::string name;  // "pp512", "tg128", "pp256@d4096", "tg32@d4096", "tg64x16", "load"
  Speed speed;       // of the median of the repetitions
  double tokens_per_second_min = 0, tokens_per_second_max = 0;
  double seconds = 0;  // of the median
  MachineLimits limits;
  std::vector<RegionTime> regions;  // of one more run, where `layers` asks for it
  std::size_t steps = 0;            // of that run: a prompt is one, however the engine cut it
};

// The kinds of work, by the names of the command line.
inline constexpr std::string_view kBenchPrompt = "prompt";
inline constexpr std::string_view kBenchGeneration = "generation";
inline constexpr std::string_view kBenchDepth = "depth";      // both, behind a long conversation
inline constexpr std::string_view kBenchBatched = "batched";  // sequences generating together
inline constexpr std::string_view kBenchLoad = "load";        // from the file to the first token

struct BenchOptions {
  std::vector<std::string> rows = {std::string(kBenchPrompt), std::string(kBenchGeneration),
                                   std::string(kBenchLoad)};
  std::size_t prompt_tokens = 512;
  std::size_t generated_tokens = 128;
  std::size_t repetitions = 3;
  std::size_t depth = 4096;  // positions in the cache, a multiple of kBlockPositions
  std::size_t depth_prompt_tokens = 256;
  std::size_t depth_generated_tokens = 32;
  std::vector<std::size_t> sequences = {4, 16};
  // The work of each sequence, as llama-batched-bench is asked for it: -npp 128 -ntg 64.
  std::size_t batched_depth = 128;  // a multiple of kBlockPositions
  std::size_t batched_tokens = 64;
  bool layers = false;  // also record where the time of each row goes
};

struct BenchSubject {
  const Gguf& file;
  const Model& model;
  Device& device;
  Engine& engine;
  double load_seconds = 0;  // until the engine was there
};

using MeasureLimits = std::function<MachineLimits()>;

// Positions the engine's cache must hold for these rows.
std::size_t bench_context(const BenchOptions& options);

// Measures the rows asked for, `load` first: it takes the engine's first token. Prompts are
// pseudo-random tokens; generation ignores the end of turn. limits is called before each row.
// Errors: kInvalidArgument for an unknown row or a depth that is no
// multiple of a block; kResourceExhausted where the context is too small.
std::vector<BenchRow> bench(const BenchSubject& subject, const BenchOptions& options,
                            const MeasureLimits& limits);

}  // namespace hearth
