#include "eval/speed.h"

#include <algorithm>

#include "kernels/probe/probe.h"
#include "platform/cpu.h"

namespace hearth {
namespace {

// Several times the last-level cache of all but the largest servers.
constexpr std::size_t kProbeBytes = std::size_t{256} << 20;
// Of each measurement: some 20 rounds of each tile, 500 slices read.
constexpr double kProbeSeconds = 0.2;
// Two threads on two cores reach 1.9 to 2 times one of them, on one core 1.0 to 1.1 times.
constexpr double kShareOfOwnCore = 0.65;  // 1.3 times, by two

Speed speed_of(double elements, double bytes, double tokens, double seconds) {
  if (tokens <= 0 || seconds <= 0) return {};
  return {tokens / seconds, 2 * elements / seconds / 1e9, bytes / seconds / 1e9};
}

// Bytes of keys and values that one sequence's steps read, one row each: a row sees the positions
// before it and its own.
double cache_bytes(const std::vector<CacheCost>& caches, const Generation& generation) {
  double bytes = 0;
  for (const CacheCost& cache : caches) {
    for (std::size_t step = 0; step < generation.steps; ++step) {
      const std::size_t behind = generation.depth + step + 1;
      const std::size_t seen = cache.window == 0 ? behind : std::min(behind, cache.window);
      bytes += static_cast<double>(cache.bytes_per_position) * static_cast<double>(seen);
    }
  }
  return bytes;
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

std::vector<CacheCost> cache_costs(const Model& model, const Device& device) {
  std::vector<CacheCost> costs;
  for (const CacheShape& shape : model.cache_shapes()) {
    costs.push_back({device.cache_block_bytes(shape) / kBlockPositions, shape.window});
  }
  return costs;
}

Speed prompt_speed(const TokenCost& cost, std::size_t tokens, double seconds) {
  const auto count = static_cast<double>(tokens);
  const double layers = count * static_cast<double>(cost.layer_elements);
  return speed_of(layers + static_cast<double>(cost.head_elements), 0, count, seconds);
}

Speed generation_speed(const TokenCost& cost, std::size_t tokens, double seconds) {
  return generation_speed(cost, Generation{.steps = tokens}, seconds);
}

Speed generation_speed(const TokenCost& cost, const Generation& generation, double seconds) {
  const auto steps = static_cast<double>(generation.steps);
  const auto sequences = static_cast<double>(generation.sequences);
  return speed_of(steps * sequences * static_cast<double>(cost.layer_elements + cost.head_elements),
                  steps * static_cast<double>(cost.layer_bytes + cost.head_bytes) +
                      sequences * cache_bytes(cost.caches, generation),
                  steps * sequences, seconds);
}

bool cores_shared(double int8_gops_of_one, double int8_gops_of_all, std::size_t threads) {
  return threads > 1 &&
         int8_gops_of_all < kShareOfOwnCore * static_cast<double>(threads) * int8_gops_of_one;
}

LimitProbe::LimitProbe(const std::string& isa, std::size_t threads)
    : isa_(isa_from_name(isa).value_or(best_isa())),
      all_(threads != 0 ? threads : usable_cores()),
      one_(1),
      memory_(kProbeBytes) {
  std::fill_n(memory_.data(), memory_.size(), std::byte{1});
}

MachineLimits LimitProbe::measure() {
  const double of_one = int8_peak_gops(isa_, one_, kProbeSeconds);
  const double of_all = all_.size() == 1 ? of_one : int8_peak_gops(isa_, all_, kProbeSeconds);
  return {of_all, read_bandwidth_gbps({memory_.data(), memory_.size()}, all_, kProbeSeconds),
          cores_shared(of_one, of_all, all_.size())};
}

MachineLimits measure_limits(const std::string& isa, std::size_t threads) {
  return LimitProbe(isa, threads).measure();
}

}  // namespace hearth
