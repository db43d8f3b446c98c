#include "eval/speed.h"

#include <algorithm>

#include "kernels/probe/probe.h"
#include "platform/cpu.h"
#include "platform/memory.h"

namespace hearth {
namespace {

// Several times the last-level cache of all but the largest servers.
constexpr std::size_t kProbeBytes = std::size_t{256} << 20;
// Of each of the two limits: with the memory's first touch, some 0.1 s, less than a second in all.
constexpr double kProbeSeconds = 0.35;

Speed speed_of(double elements, double bytes, std::size_t tokens, double seconds) {
  if (seconds <= 0) return {};
  const double rate = static_cast<double>(tokens) / seconds;
  return {rate, 2 * elements / seconds / 1e9, bytes / seconds / 1e9};
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

Speed prompt_speed(const TokenCost& cost, std::size_t tokens, double seconds) {
  if (tokens == 0) return {};
  const double layers = static_cast<double>(cost.layer_elements) * static_cast<double>(tokens);
  return speed_of(layers + static_cast<double>(cost.head_elements), 0, tokens, seconds);
}

Speed generation_speed(const TokenCost& cost, std::size_t tokens, double seconds) {
  const auto count = static_cast<double>(tokens);
  return speed_of(count * static_cast<double>(cost.layer_elements + cost.head_elements),
                  count * static_cast<double>(cost.layer_bytes + cost.head_bytes), tokens, seconds);
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
