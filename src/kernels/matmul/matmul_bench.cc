// Every variant this machine can run, as shares of the machine's limits measured beside it:
//   multiply/TYPE/ISA/rows/cols   Gop/s and % of the int8 peak (of FMA-bound types: read it as
//   Gop/s) decode/TYPE/ISA/rows          GB/s of panel bytes from memory and % of the read
//   bandwidth
//   pack/TYPE/ISA                 GB/s of file bytes, from memory to memory
// One thread. Weights are random; activations are converted beforehand.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "kernels/matmul/matmul.h"
#include "kernels/matmul/test_weights.h"
#include "kernels/probe/probe.h"
#include "platform/memory.h"

namespace hearth {
namespace {

constexpr std::size_t kDecodeBytes = 256 << 20;  // 8 times the last-level cache
constexpr std::size_t kDecodeCols = 2048;
// Rows of weights in a run of multiply. A run must be shorter than the system's time slice (3 ms),
// or on a busy machine none is undisturbed: 2 * 64 * 2048 * 512 operations at 100 Gop/s take 1.3
// ms.
constexpr std::size_t kMultiplyRows = 64;
constexpr std::size_t kPackBytes = 64 << 20;  // of the file; twice the last-level cache
constexpr std::size_t kPackStepBytes = 1 << 20;
constexpr std::size_t kSliceBytes = 8 << 20;  // of panels per run of decode: some 0.3 ms

struct Limits {
  double peak_gops, read_gbps;
};

Limits limits(Isa isa, const PageBuffer& memory) {
  ThreadPool one(1);
  return {int8_peak_gops(isa, one, 0.05),
          memory.size() == 0 ? 0 : read_bandwidth_gbps({memory.data(), memory.size()}, one, 0.2)};
}

Limits best_of(const Limits& a, const Limits& b) {
  return {std::max(a.peak_gops, b.peak_gops), std::max(a.read_gbps, b.read_gbps)};
}

// panels of random rows; two differ, the rest repeat them
PageBuffer panels_of(const MatmulKernel& kernel, std::size_t cols, std::size_t count) {
  Random random(1);
  const std::size_t stride = row_bytes(kernel.type, cols), bytes = kernel.panel_bytes(cols);
  const std::vector<std::byte> rows =
      test_weights::random(kernel.type, 2 * kernel.panel_rows, cols, random);
  PageBuffer panels(count * bytes);
  for (std::size_t p = 0; p < count; ++p) {
    if (p < 2) {
      kernel.pack(rows.data() + p * kernel.panel_rows * stride, kernel.panel_rows, stride, cols,
                  panels.data() + p * bytes);
    } else {
      std::copy_n(panels.data() + p % 2 * bytes, bytes, panels.data() + p * bytes);
    }
  }
  return panels;
}

struct Setup {
  const MatmulKernel& kernel;
  PageBuffer panels, activations, out, scratch;
  MatmulJob job;  // the first slice

  Setup(const MatmulKernel& used, std::size_t cols, std::size_t panel_count, std::size_t rows)
      : kernel(used), panels(panels_of(used, cols, panel_count)) {
    const ActivationKernel& activation = select_activation(kernel.activation, kernel.isa);
    const std::size_t bytes = activation.row_bytes(cols);
    activations = PageBuffer(rows * bytes);
    Random random(2);
    std::vector<float> x(cols);
    for (std::size_t n = 0; n < rows; ++n) {
      for (float& value : x) value = static_cast<float>(random.uniform() - 0.5);
      activation.convert(x.data(), cols, activations.data() + n * bytes);
    }
    const std::size_t slice = std::min(panel_count, kSliceBytes / kernel.panel_bytes(cols));
    const std::size_t stride = slice * kernel.panel_rows + 16;
    out = PageBuffer(rows * stride * sizeof(float));
    scratch = PageBuffer(kernel.scratch_bytes(cols));
    job = {panels.data(),
           slice,
           cols,
           activations.data(),
           bytes,
           rows,
           reinterpret_cast<float*>(out.data()),
           stride,
           scratch.data()};
  }
  std::size_t slice_bytes() const { return job.panel_count * kernel.panel_bytes(job.cols); }
  // Round and round all whole slices, so that none is still in a cache when its turn comes.
  void next_slice() {
    const std::size_t at = static_cast<std::size_t>(job.panels - panels.data()) + slice_bytes();
    job.panels = panels.data() + (at + slice_bytes() > panels.size() ? 0 : at);
  }
  double operations() const {
    return 2.0 * static_cast<double>(job.panel_count * kernel.panel_rows) *
           static_cast<double>(job.cols * job.rows);
  }
};

// `memory` is what the read limit is measured on; empty: no such limit.
void measure(benchmark::State& state, Setup& setup, const PageBuffer& memory) {
  using Clock = std::chrono::steady_clock;
  const Limits before = limits(setup.kernel.isa, memory);
  double best_s = 1e9;
  for (auto _ : state) {
    const Clock::time_point begin = Clock::now();
    setup.kernel.multiply(setup.job);
    const double run_s = std::chrono::duration<double>(Clock::now() - begin).count();
    best_s = std::min(best_s, run_s);
    state.SetIterationTime(run_s);
    setup.next_slice();
  }
  const Limits most = best_of(before, limits(setup.kernel.isa, memory));
  const double gops = setup.operations() / best_s / 1e9;
  state.counters["Gop/s"] = gops;
  state.counters["%peak"] = 100 * gops / most.peak_gops;
  if (most.read_gbps == 0) return;
  const double gbps = static_cast<double>(setup.slice_bytes()) / best_s / 1e9;
  state.counters["GB/s"] = gbps;
  state.counters["%read"] = 100 * gbps / most.read_gbps;
}

void multiply(benchmark::State& state, const MatmulKernel& kernel) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const auto cols = static_cast<std::size_t>(state.range(1));
  Setup setup(kernel, cols, kMultiplyRows / kernel.panel_rows, rows);
  measure(state, setup, PageBuffer());
}

void decode(benchmark::State& state, const MatmulKernel& kernel) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  Setup setup(kernel, kDecodeCols, kDecodeBytes / kernel.panel_bytes(kDecodeCols), rows);
  measure(state, setup, setup.panels);
}

// As a model's first start has it: a megabyte of the file at a time, neither it nor the panels in a
// cache.
void pack(benchmark::State& state, const MatmulKernel& kernel) {
  using Clock = std::chrono::steady_clock;
  const std::size_t from = kernel.panel_rows * row_bytes(kernel.type, kDecodeCols);
  const std::size_t to = kernel.panel_bytes(kDecodeCols);
  const std::size_t count = kPackBytes / from, step = kPackStepBytes / from;
  Random random(3);
  const std::vector<std::byte> rows =
      test_weights::random(kernel.type, kernel.panel_rows, kDecodeCols, random);
  PageBuffer file(count * from), panels(count * to);
  for (std::size_t p = 0; p < count; ++p) std::copy_n(rows.data(), from, file.data() + p * from);
  std::fill_n(panels.data(), panels.size(), std::byte{1});
  double best_s = 1e9;
  std::size_t at = 0;
  for (auto _ : state) {
    const Clock::time_point begin = Clock::now();
    for (std::size_t p = at; p < at + step; ++p)
      kernel.pack(file.data() + p * from, kernel.panel_rows, from / kernel.panel_rows, kDecodeCols,
                  panels.data() + p * to);
    const double run_s = std::chrono::duration<double>(Clock::now() - begin).count();
    best_s = std::min(best_s, run_s);
    state.SetIterationTime(run_s);
    at = at + 2 * step > count ? 0 : at + step;
  }
  state.counters["GB/s"] = static_cast<double>(step * from) / best_s / 1e9;
}

void register_all() {
  for (const MatmulKernel& kernel : matmul_kernels()) {
    if (!isa_supported(kernel.isa)) continue;
    const std::string name =
        std::string(dtype_info(kernel.type).name) + "/" + std::string(isa_name(kernel.isa));
    auto* const many = benchmark::RegisterBenchmark(
        ("multiply/" + name).c_str(), [&](benchmark::State& s) { multiply(s, kernel); });
    many->UseManualTime();
    for (const long cols : {576, 1536, 2048})
      if (cols % dtype_info(kernel.type).block_elements == 0) many->Args({512, cols});
    auto* const few = benchmark::RegisterBenchmark(("decode/" + name).c_str(),
                                                   [&](benchmark::State& s) { decode(s, kernel); });
    few->UseManualTime();
    for (const long rows : {1, 2, 4, 8, 16}) few->Arg(rows);
    benchmark::RegisterBenchmark(("pack/" + name).c_str(), [&](benchmark::State& s) {
      pack(s, kernel);
    })->UseManualTime();
  }
}

}  // namespace
}  // namespace hearth

int main(int argc, char** argv) {
  hearth::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
