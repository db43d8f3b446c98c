// Speed of a model on this machine: fixed prompts, medians of repetitions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "eval/speed.h"
#include "format/gguf.h"

namespace hearth {

struct BenchRow {
  std::string name;  // "pp512", "tg128"
  Speed speed;       // of the median of the repetitions
  double tokens_per_second_min = 0, tokens_per_second_max = 0;
};

struct BenchOptions {
  std::size_t prompt_tokens = 512;
  std::size_t generated_tokens = 128;
  std::size_t repetitions = 3;
};

struct BenchSubject {
  const Gguf& file;
  const Model& model;
  Engine& engine;
};

// Runs prompt processing, then generation, each after one run that is not counted. Prompts are
// fixed pseudo-random tokens; generation ignores the end of turn.
std::vector<BenchRow> bench(const BenchSubject& subject, const BenchOptions& options);

}  // namespace hearth
