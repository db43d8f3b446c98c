// Sampler: one token of a vocabulary of 262,144 (Gemma 3) and 49,152 (SmolLM2), by what filters.
#include <benchmark/benchmark.h>

#include "base/random.h"
#include "engine/sampler.h"

namespace hearth {
namespace {

// Logits of about the spread that models have: a bell, 30 wide, whose upper tail decides.
std::vector<float> bell(std::size_t n) {
  Random random(1);
  std::vector<float> logits(n);
  for (float& x : logits) {
    double sum = 0.0;
    for (int i = 0; i < 12; ++i) sum += random.uniform();
    x = static_cast<float>((sum - 6.0) * 3.0);
  }
  return logits;
}

void run(benchmark::State& state, const SamplingOptions& options) {
  const std::vector<float> logits = bell(static_cast<std::size_t>(state.range(0)));
  Sampler sampler(options, best_isa());
  std::vector<TokenId> history(100, 5);
  for (auto _ : state) {
    benchmark::DoNotOptimize(sampler.sample(logits, history));
  }
}

void greedy(benchmark::State& state) {
  SamplingOptions options;
  options.temperature = 0.0f;
  run(state, options);
}

void defaults(benchmark::State& state) { run(state, {}); }

void defaults_with_penalties(benchmark::State& state) {
  SamplingOptions options;
  options.repeat_penalty = 1.1f;
  options.frequency_penalty = 0.1f;
  run(state, options);
}

void top_p_alone(benchmark::State& state) {
  SamplingOptions options;
  options.top_k = 0;
  options.min_p = 0.0f;
  run(state, options);
}

void min_p_alone(benchmark::State& state) {
  SamplingOptions options;
  options.top_k = 0;
  options.top_p = 1.0f;
  run(state, options);
}

void temperature_alone(benchmark::State& state) {
  SamplingOptions options;
  options.top_k = 0;
  options.top_p = 1.0f;
  options.min_p = 0.0f;
  run(state, options);
}

BENCHMARK(greedy)->Name("sampler/greedy")->Arg(49152)->Arg(262144);
BENCHMARK(defaults)->Name("sampler/defaults")->Arg(49152)->Arg(262144);
BENCHMARK(defaults_with_penalties)->Name("sampler/defaults_with_penalties")->Arg(262144);
BENCHMARK(top_p_alone)->Name("sampler/top_p_alone")->Arg(262144);
BENCHMARK(temperature_alone)->Name("sampler/temperature_alone")->Arg(262144);
BENCHMARK(min_p_alone)->Name("sampler/min_p_alone")->Arg(262144);

}  // namespace
}  // namespace hearth
