// Speed of a model on this machine, beside the machine's own limits measured seconds before.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "format/gguf.h"

namespace hearth {

// What one token costs: matrix elements multiplied with and bytes read, the head apart (prompts
// need it once).
struct TokenCost {
  std::uint64_t layer_elements = 0, layer_bytes = 0;
  std::uint64_t head_elements = 0, head_bytes = 0;
};
TokenCost token_cost(const Gguf& file);

struct MachineLimits {
  double int8_gops = 0;  // 0: this instruction set has none
  double read_gbytes_per_second = 0;
};

struct BenchRow {
  std::string name;              // "pp512", "tg128"
  double tokens_per_second = 0;  // median of the repetitions
  double tokens_per_second_min = 0, tokens_per_second_max = 0;
  double gops = 0;               // multiply-adds, each two operations
  double gbytes_per_second = 0;  // of weights, as the file has them
};

struct BenchOptions {
  std::size_t prompt_tokens = 512;
  std::size_t generated_tokens = 128;
  std::size_t repetitions = 3;
};

// Runs prompt processing, then generation, each after one run that is not counted. Prompts are
// fixed pseudo-random tokens; generation ignores the end of turn.
struct BenchSubject {
  const Gguf& file;
  const Model& model;
  Engine& engine;
};
std::vector<BenchRow> bench(const BenchSubject& subject, const BenchOptions& options);

// Measures for about a second with as many threads as the device has.
MachineLimits measure_limits(const std::string& isa, std::size_t threads);

}  // namespace hearth
