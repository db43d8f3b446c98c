// Row operations of every variant: elements per second at the widths of small models. One thread,
// rows in cache.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "kernels/elementwise/elementwise.h"

namespace hearth {
namespace {

enum class Operation { kRmsNorm, kRope, kRopeNeox, kSilu, kGelu, kAdd, kScale };

struct Named {
  const char* name;
  Operation operation;
};

constexpr Named kOperations[] = {
    {"rms_norm", Operation::kRmsNorm},   {"rope", Operation::kRope},
    {"rope_neox", Operation::kRopeNeox}, {"silu_multiply", Operation::kSilu},
    {"gelu_multiply", Operation::kGelu}, {"add", Operation::kAdd},
    {"scale", Operation::kScale}};
constexpr std::size_t kWidths[] = {64, 576, 1536, 8960};

void run(benchmark::State& state, const ElementwiseKernel& kernel, Operation operation,
         std::size_t n) {
  const std::vector<float> a(n, 0.5f), b(n, 0.25f);
  std::vector<float> out(n, 0.125f);
  for (auto _ : state) {
    switch (operation) {
      case Operation::kRmsNorm: kernel.rms_norm(a.data(), b.data(), n, 1e-5f, out.data()); break;
      case Operation::kRope: kernel.rope(out.data(), a.data(), b.data(), n / 2, false); break;
      case Operation::kRopeNeox: kernel.rope(out.data(), a.data(), b.data(), n / 2, true); break;
      case Operation::kSilu: kernel.silu_multiply(a.data(), b.data(), n, out.data()); break;
      case Operation::kGelu: kernel.gelu_multiply(a.data(), b.data(), n, out.data()); break;
      case Operation::kAdd: kernel.add(a.data(), b.data(), n, out.data()); break;
      case Operation::kScale: kernel.scale(a.data(), 1.01f, n, out.data()); break;
    }
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(n));
}

bool register_all() {
  for (const ElementwiseKernel& kernel : elementwise_kernels()) {
    if (!isa_supported(kernel.isa)) continue;
    for (const Named& named : kOperations) {
      for (const std::size_t n : kWidths) {
        const std::string name =
            std::string(isa_name(kernel.isa)) + "/" + named.name + "/n:" + std::to_string(n);
        benchmark::RegisterBenchmark(name.c_str(), [&named, &kernel, n](benchmark::State& state) {
          run(state, kernel, named.operation, n);
        });
      }
    }
  }
  return true;
}

[[maybe_unused]] const bool kRegistered = register_all();

}  // namespace
}  // namespace hearth
