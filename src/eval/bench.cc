#include "eval/bench.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/random.h"
#include "kernels/probe/probe.h"
#include "platform/cpu.h"
#include "platform/memory.h"

namespace hearth {
namespace {

// Far larger than any last-level cache of today (the largest have 1.1 GB, and those machines the
// memory for it).
constexpr std::size_t kProbeBytes = std::size_t{256} << 20;
constexpr double kProbeSeconds = 0.4;

using Clock = std::chrono::steady_clock;

std::vector<TokenId> random_prompt(const Model& model, std::size_t tokens) {
  Random random(1);
  std::vector<TokenId> prompt;
  for (std::size_t i = 0; i < tokens; ++i) {
    prompt.push_back(static_cast<TokenId>(random.next() % model.config().vocabulary));
  }
  return prompt;
}

// Seconds from the first step to the last token; generation starts its clock at the first token.
double seconds_of(Engine& engine, std::vector<TokenId> prompt, std::size_t generated) {
  Request request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.max_tokens = generated + 1;
  request.reuse_prefix = false;
  Clock::time_point first = Clock::now();
  bool any = false;
  request.on_token = [&](TokenId) {
    if (!any && generated > 0) first = Clock::now();
    any = true;
    return true;
  };
  engine.submit(std::move(request));
  engine.run();
  return std::chrono::duration<double>(Clock::now() - first).count();
}

BenchRow summarize(std::string name, std::size_t tokens, std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const auto rate = [&](double s) { return static_cast<double>(tokens) / s; };
  BenchRow row;
  row.name = std::move(name);
  row.tokens_per_second = rate(seconds[seconds.size() / 2]);
  row.tokens_per_second_min = rate(seconds.back());
  row.tokens_per_second_max = rate(seconds.front());
  return row;
}

}  // namespace

TokenCost token_cost(const Gguf& file) {
  TokenCost cost;
  const bool tied = file.find("output.weight") == nullptr;
  for (const GgufTensor& tensor : file.tensors()) {
    if (tensor.shape.size() < 2) continue;
    const bool head = tensor.name == (tied ? "token_embd.weight" : "output.weight");
    if (!head && tensor.name == "token_embd.weight") continue;
    (head ? cost.head_elements : cost.layer_elements) += tensor.elements();
    (head ? cost.head_bytes : cost.layer_bytes) += tensor.bytes.size();
  }
  return cost;
}

std::vector<BenchRow> bench(const BenchSubject& subject, const BenchOptions& options) {
  const TokenCost cost = token_cost(subject.file);
  std::vector<double> prompt_seconds;
  std::vector<double> generation_seconds;
  for (std::size_t i = 0; i <= options.repetitions; ++i) {
    const double p =
        seconds_of(subject.engine, random_prompt(subject.model, options.prompt_tokens), 0);
    const double g =
        seconds_of(subject.engine, random_prompt(subject.model, 1), options.generated_tokens);
    if (i == 0) continue;  // warms caches and pages
    prompt_seconds.push_back(p);
    generation_seconds.push_back(g);
  }
  const auto tokens = static_cast<double>(options.prompt_tokens);
  BenchRow prompt = summarize("pp" + std::to_string(options.prompt_tokens), options.prompt_tokens,
                              prompt_seconds);
  const double elements =
      static_cast<double>(cost.layer_elements) + static_cast<double>(cost.head_elements) / tokens;
  prompt.gops = prompt.tokens_per_second * 2 * elements / 1e9;
  BenchRow generation = summarize("tg" + std::to_string(options.generated_tokens),
                                  options.generated_tokens, generation_seconds);
  generation.gops = generation.tokens_per_second * 2 *
                    static_cast<double>(cost.layer_elements + cost.head_elements) / 1e9;
  generation.gbytes_per_second =
      generation.tokens_per_second * static_cast<double>(cost.layer_bytes + cost.head_bytes) / 1e9;
  return {prompt, generation};
}

MachineLimits measure_limits(const std::string& isa, std::size_t threads) {
  const Isa probed = isa_from_name(isa).value_or(best_isa());
  ThreadPool pool(threads != 0 ? threads : usable_cores());
  PageBuffer memory(kProbeBytes);
  std::fill_n(memory.data(), memory.size(), std::byte{1});
  return {int8_peak_gops(probed, pool, kProbeSeconds),
          read_bandwidth_gbps({memory.data(), memory.size()}, pool, kProbeSeconds)};
}

}  // namespace hearth
