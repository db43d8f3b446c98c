#include "eval/bench.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/error.h"
#include "base/random.h"
#include "base/seconds.h"

namespace hearth {
namespace {

using Clock = std::chrono::steady_clock;
using SpeedOf = std::function<Speed(double seconds)>;

// Any run's prompt differs from all others', so that nothing but the filled depth is found again.
constexpr std::uint64_t kDepthSeed = 1;         // + sequence
constexpr std::uint64_t kPromptSeed = 1 << 20;  // + repetition

class Bench {
 public:
  Bench(const BenchSubject& subject, const BenchOptions& options, const MeasureLimits& limits)
      : subject_(subject), engine_(subject.engine), options_(options), limits_(limits) {}

  std::vector<BenchRow> run();

 private:
  bool wanted(std::string_view row) const {
    return std::find(options_.rows.begin(), options_.rows.end(), row) != options_.rows.end();
  }
  void load();
  void prompt(std::size_t depth, std::size_t tokens);
  void generation(const Generation& generation);
  void append_tokens(std::vector<TokenId>& tokens, std::uint64_t seed, std::size_t count) const;
  void submit(std::vector<TokenId> prompt, std::size_t generated, bool reuse);
  void fill(std::size_t sequence, std::size_t depth);
  double prompt_seconds(std::size_t depth, std::size_t tokens, std::size_t repetition);
  double generation_seconds(const Generation& generation, std::size_t repetition);
  void check_rows(std::uint64_t rows_before, std::size_t rows) const;
  void add(std::string name, std::vector<double> seconds, const SpeedOf& speed_of);
  void record(std::size_t steps, const std::function<void()>& run);

  const BenchSubject& subject_;
  Engine& engine_;
  const BenchOptions& options_;
  const MeasureLimits& limits_;
  MachineLimits limits_now_;
  std::vector<BenchRow> rows_;
};

void Bench::append_tokens(std::vector<TokenId>& tokens, std::uint64_t seed,
                          std::size_t count) const {
  Random random(seed);
  const std::size_t vocabulary = subject_.model.config().vocabulary;
  for (std::size_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<TokenId>(random.next() % vocabulary));
  }
}

void Bench::submit(std::vector<TokenId> prompt, std::size_t generated, bool reuse) {
  Request request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.max_tokens = generated;
  request.reuse_prefix = reuse;
  engine_.submit(std::move(request));
}

// Leaves the first `depth` positions of a sequence in the cache, for later requests to find.
void Bench::fill(std::size_t sequence, std::size_t depth) {
  if (depth == 0) return;
  std::vector<TokenId> tokens;
  append_tokens(tokens, kDepthSeed + sequence, depth);
  submit(std::move(tokens), 0, true);
  engine_.run();
}

// Had the cache lost what was filled, computing it again would have been timed.
void Bench::check_rows(std::uint64_t rows_before, std::size_t rows) const {
  const std::uint64_t computed = engine_.counters().rows - rows_before;
  if (computed == rows) return;
  throw Error(ErrorCode::kResourceExhausted,
              "bench computed " + std::to_string(computed) + " rows and wanted " +
                  std::to_string(rows) + ": the cache is too small; lower --depth or raise --ctx");
}

// From the first step to the first token.
double Bench::prompt_seconds(std::size_t depth, std::size_t tokens, std::size_t repetition) {
  std::vector<TokenId> prompt;
  append_tokens(prompt, kDepthSeed, depth);
  append_tokens(prompt, kPromptSeed + repetition, tokens);
  const std::uint64_t rows = engine_.counters().rows;
  submit(std::move(prompt), 1, depth > 0);
  const Clock::time_point start = Clock::now();
  engine_.run();
  const double seconds = seconds_since(start);
  check_rows(rows, tokens);
  return seconds;
}

// The clock starts when each sequence has the first token of its answer: one step, as each has one
// row to compute.
double Bench::generation_seconds(const Generation& generation, std::size_t repetition) {
  const std::uint64_t rows = engine_.counters().rows;
  for (std::size_t sequence = 0; sequence < generation.sequences; ++sequence) {
    std::vector<TokenId> prompt;
    append_tokens(prompt, kDepthSeed + sequence, generation.depth);
    append_tokens(prompt, kPromptSeed + repetition, 1);
    submit(std::move(prompt), generation.steps + 1, generation.depth > 0);
  }
  engine_.step();
  const Clock::time_point start = Clock::now();
  engine_.run();
  const double seconds = seconds_since(start);
  check_rows(rows, generation.sequences * (generation.steps + 1));
  return seconds;
}

// Of the runs; speed_of: of one run that took these seconds.
void Bench::add(std::string name, std::vector<double> seconds, const SpeedOf& speed_of) {
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  rows_.push_back({std::move(name),
                   speed_of(median),
                   speed_of(seconds.back()).tokens_per_second,
                   speed_of(seconds.front()).tokens_per_second,
                   median,
                   limits_now_,
                   {},
                   0});
}

// Adds to the last row where the time of this run goes.
void Bench::record(std::size_t steps, const std::function<void()>& run) {
  if (!options_.layers) return;
  subject_.device.record_regions(true);
  run();
  subject_.device.record_regions(false);
  const std::span<const RegionTime> times = subject_.device.region_times();
  rows_.back().regions.assign(times.begin(), times.end());
  rows_.back().steps = steps;
}

void Bench::load() {
  const double seconds = subject_.load_seconds + prompt_seconds(0, 1, 0);
  limits_now_ = limits_();
  const double bytes = static_cast<double>(subject_.file.file_bytes());
  add(std::string(kBenchLoad), {seconds},
      [&](double taken) { return Speed{1 / taken, 0, bytes / taken / 1e9}; });
}

void Bench::prompt(std::size_t depth, std::size_t tokens) {
  fill(0, depth);
  if (depth == 0) prompt_seconds(0, tokens, 0);  // warms caches and pages
  limits_now_ = limits_();
  std::vector<double> seconds;
  for (std::size_t i = 1; i <= options_.repetitions; ++i) {
    seconds.push_back(prompt_seconds(depth, tokens, i));
  }
  const std::string suffix = depth == 0 ? "" : "@d" + std::to_string(depth);
  add("pp" + std::to_string(tokens) + suffix, std::move(seconds),
      [cost = token_cost(subject_.file), tokens](double taken) {
        return prompt_speed(cost, tokens, taken);
      });
  record(1, [&] { prompt_seconds(depth, tokens, options_.repetitions + 1); });
}

void Bench::generation(const Generation& generation) {
  constexpr std::size_t kWarmingSteps = 8;
  for (std::size_t i = 0; i < generation.sequences; ++i) fill(i, generation.depth);
  Generation warming = generation;
  warming.steps = std::min(kWarmingSteps, generation.steps);
  generation_seconds(warming, 0);
  limits_now_ = limits_();
  std::vector<double> seconds;
  for (std::size_t i = 1; i <= options_.repetitions; ++i) {
    seconds.push_back(generation_seconds(generation, i));
  }
  std::string name = "tg" + std::to_string(generation.steps);
  if (generation.sequences > 1) {
    name += "x" + std::to_string(generation.sequences);
  } else if (generation.depth > 0) {
    name += "@d" + std::to_string(generation.depth);
  }
  TokenCost cost = token_cost(subject_.file);
  if (generation.depth > 0) cost.caches = cache_costs(subject_.model, subject_.device);
  add(std::move(name), std::move(seconds),
      [&](double taken) { return generation_speed(cost, generation, taken); });
  record(generation.steps + 1, [&] { generation_seconds(generation, options_.repetitions + 1); });
}

std::vector<BenchRow> Bench::run() {
  if (wanted(kBenchLoad)) load();
  if (wanted(kBenchPrompt)) prompt(0, options_.prompt_tokens);
  if (wanted(kBenchGeneration)) generation({.steps = options_.generated_tokens});
  if (wanted(kBenchDepth)) {
    prompt(options_.depth, options_.depth_prompt_tokens);
    generation({.steps = options_.depth_generated_tokens, .depth = options_.depth});
  }
  for (const std::size_t count : options_.sequences) {
    if (!wanted(kBenchBatched)) break;
    generation({options_.batched_tokens, count, options_.batched_depth});
  }
  return std::move(rows_);
}

// Positions of one sequence, in whole blocks.
std::size_t in_blocks(std::size_t positions) {
  return (positions + kBlockPositions - 1) / kBlockPositions * kBlockPositions;
}

}  // namespace

std::size_t bench_context(const BenchOptions& options) {
  std::size_t context =
      std::max(in_blocks(options.prompt_tokens + 1), in_blocks(options.generated_tokens + 2));
  for (const std::string& row : options.rows) {
    if (row == kBenchDepth) {
      const std::size_t tokens =
          std::max(options.depth_prompt_tokens + 1, options.depth_generated_tokens + 2);
      context = std::max(context, in_blocks(options.depth + tokens));
    } else if (row == kBenchBatched) {
      const std::size_t each = in_blocks(options.batched_depth + options.batched_tokens + 2);
      for (const std::size_t count : options.sequences) context = std::max(context, count * each);
    }
  }
  return context;
}

std::vector<BenchRow> bench(const BenchSubject& subject, const BenchOptions& options,
                            const MeasureLimits& limits) {
  constexpr std::array kRows = {kBenchPrompt, kBenchGeneration, kBenchDepth, kBenchBatched,
                                kBenchLoad};
  for (const std::string& row : options.rows) {
    if (std::find(kRows.begin(), kRows.end(), row) != kRows.end()) continue;
    throw Error(ErrorCode::kInvalidArgument,
                "there is no row '" + row +
                    "' to measure; wanted prompt, generation, depth, batched or load");
  }
  // Only whole blocks are found again.
  for (const std::size_t depth : {options.depth, options.batched_depth}) {
    if (depth % kBlockPositions == 0) continue;
    throw Error(ErrorCode::kInvalidArgument, "the depth is " + std::to_string(depth) +
                                                 ", wanted a multiple of " +
                                                 std::to_string(kBlockPositions));
  }
  return Bench(subject, options, limits).run();
}

}  // namespace hearth
