// Attention of every variant: decode (1 row; bytes of keys and values read once per group) and
// prefill tiles (operations of the visible keys), on one thread. Run: attention_bench
// --benchmark_filter=f16,f16
#include <benchmark/benchmark.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/attention/attention.h"

namespace hearth {
namespace {

struct Case {
  const char* what;
  std::size_t rows, group, head_dim, context;
};

constexpr Case kCases[] = {
    {"decode", 1, 3, 64, 65536}, {"decode", 1, 6, 128, 32768}, {"decode", 1, 4, 256, 16384},
    {"decode", 1, 3, 64, 512},   {"decode", 1, 6, 128, 512},   {"prefill", 16, 3, 64, 512},
    {"prefill", 32, 3, 64, 512}, {"prefill", 32, 6, 128, 512}, {"prefill", 32, 4, 256, 512},
    {"prefill", 32, 1, 96, 512},
};

void run(benchmark::State& state, const AttentionKernel& kernel, const Case& shape) {
  const std::size_t block_bytes = kernel.block_bytes(shape.head_dim);
  const std::size_t block_count = shape.context / kBlockPositions;
  std::vector<std::byte> bytes(block_count * block_bytes + 64);
  std::byte* const base =
      bytes.data() + (64 - reinterpret_cast<std::uintptr_t>(bytes.data()) % 64) % 64;
  std::vector<const std::byte*> blocks;
  Random random(1);
  std::vector<float> x(shape.head_dim);
  for (std::size_t p = 0; p < shape.context; ++p) {
    for (float& v : x) v = static_cast<float>(random.uniform() - 0.5);
    kernel.store(base + p / kBlockPositions * block_bytes, p % kBlockPositions, shape.head_dim,
                 x.data(), x.data());
  }
  for (std::size_t i = 0; i < block_count; ++i) blocks.push_back(base + i * block_bytes);
  const std::size_t queries = shape.rows * shape.group;
  std::vector<float> q(queries * shape.head_dim, 0.1f), max(queries), sum(queries),
      acc(queries * shape.head_dim);
  for (float& v : q) v = static_cast<float>(random.uniform() - 0.5);
  for (auto _ : state) {
    for (std::size_t begin = 0; begin < shape.context; begin += kPartitionPositions) {
      kernel.attend({q.data(), shape.group * shape.head_dim, shape.rows, shape.context - shape.rows,
                     shape.group, shape.head_dim, blocks.data() + begin / kBlockPositions, begin,
                     std::min(shape.context, begin + kPartitionPositions), 0,
                     1.0f / std::sqrt(static_cast<float>(shape.head_dim)), max.data(), sum.data(),
                     acc.data()});
    }
    benchmark::ClobberMemory();
  }
  const double keys =
      static_cast<double>(shape.context) - 0.5 * static_cast<double>(shape.rows - 1);
  const double steps = static_cast<double>(state.iterations());
  state.counters["op"] =
      benchmark::Counter(steps * 4.0 * static_cast<double>(queries * shape.head_dim) * keys,
                         benchmark::Counter::kIsRate);
  state.counters["B"] = benchmark::Counter(steps * static_cast<double>(block_count * block_bytes),
                                           benchmark::Counter::kIsRate);
}

void store_positions(benchmark::State& state, const AttentionKernel& kernel) {
  constexpr std::size_t kHeadDim = 128;
  std::vector<std::byte> bytes(16 * kernel.block_bytes(kHeadDim));
  const std::vector<float> x(kHeadDim, 0.3f);
  std::size_t p = 0;
  for (auto _ : state) {
    kernel.store(bytes.data() + p / kBlockPositions * kernel.block_bytes(kHeadDim),
                 p % kBlockPositions, kHeadDim, x.data(), x.data());
    p = (p + 1) % 512;
  }
}

bool register_all() {
  for (const AttentionKernel& kernel : attention_kernels()) {
    if (!isa_supported(kernel.isa)) continue;
    const std::string variant = std::string(isa_name(kernel.isa)) + "/attention/" +
                                std::string(cache_type_name(kernel.types.key)) + "," +
                                std::string(cache_type_name(kernel.types.value)) + "/";
    for (const Case& shape : kCases) {
      const std::string name = variant + shape.what + "/rows:" + std::to_string(shape.rows) +
                               "/group:" + std::to_string(shape.group) +
                               "/dim:" + std::to_string(shape.head_dim) +
                               "/context:" + std::to_string(shape.context);
      benchmark::RegisterBenchmark(name.c_str(),
                                   [&](benchmark::State& state) { run(state, kernel, shape); });
    }
    benchmark::RegisterBenchmark((variant + "store/dim:128").c_str(),
                                 [&](benchmark::State& state) { store_positions(state, kernel); });
  }
  return true;
}

[[maybe_unused]] const bool kRegistered = register_all();

}  // namespace
}  // namespace hearth
