#include "kernels/probe/probe.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "base/seconds.h"
#include "kernels/probe/variants.h"

namespace hearth {
namespace {

using Clock = std::chrono::steady_clock;

// Operations of one call: per group a lane takes 4 products of 2 operations each.
constexpr std::size_t operations(std::size_t lanes, std::size_t rows, std::size_t columns) {
  return kProbeRounds * kProbeGroups * lanes * rows * columns * 4 * 2;
}

constexpr std::size_t lanes_of(Isa isa) { return isa == Isa::kAvx512Vnni ? 16 : 8; }

constexpr Int8Probe kInt8Probes[] = {
#define HEARTH_READ_PROBE(isa, suffix)
#define HEARTH_INT8_PROBE(isa, suffix, rows, columns)                           \
  {Isa::isa, #rows "x" #columns, operations(lanes_of(Isa::isa), rows, columns), \
   int8_probe_##rows##x##columns##_##suffix},
#include "kernels/probe/kernels.inc"
#undef HEARTH_INT8_PROBE
#undef HEARTH_READ_PROBE
};

constexpr ReadProbe kReadProbes[] = {
#define HEARTH_READ_PROBE(isa, suffix) {Isa::isa, read_probe_##suffix},
#include "kernels/probe/kernels.inc"
#undef HEARTH_READ_PROBE
};

// Best of rounds of 64 calls per thread, all threads at once, within `seconds`.
double best_gops(const Int8Probe& probe, ThreadPool& pool, double seconds) {
  constexpr int kCalls = 64;  // some 2 ms: a thread's start does not show
  const double work =
      static_cast<double>(probe.operations) * kCalls * static_cast<double>(pool.size());
  double best = 0;
  const Clock::time_point begin = Clock::now();
  do {
    const Clock::time_point round = Clock::now();
    pool.run([&](std::size_t) {
      for (int i = 0; i < kCalls; ++i) probe.multiply();
    });
    best = std::max(best, work / seconds_since(round) / 1e9);
  } while (seconds_since(begin) < seconds);
  return best;
}

}  // namespace

std::span<const Int8Probe> int8_probes() noexcept { return kInt8Probes; }

std::span<const ReadProbe> read_probes() noexcept { return kReadProbes; }

double int8_peak_gops(Isa isa, ThreadPool& pool, double seconds) {
  const auto usable = [&](const Int8Probe& probe) {
    return probe.isa <= isa && isa_supported(probe.isa);
  };
  const auto first = std::ranges::find_if(kInt8Probes, usable);
  if (first == std::end(kInt8Probes)) return 0;
  const auto same = [&](const Int8Probe& probe) { return probe.isa == first->isa; };
  const double share = seconds / static_cast<double>(std::ranges::count_if(kInt8Probes, same));
  double best = 0;
  for (const Int8Probe& probe : kInt8Probes)
    if (same(probe)) best = std::max(best, best_gops(probe, pool, share));
  return best;
}

double read_bandwidth_gbps(std::span<const std::byte> data, ThreadPool& pool, double seconds) {
  const auto* const probe = std::ranges::find_if(
      kReadProbes, [](const ReadProbe& candidate) { return isa_supported(candidate.isa); });
  const std::size_t share = data.size() / pool.size() / 4096 * 4096;
  std::atomic<std::size_t> sum = 0;
  double best = 0;
  const Clock::time_point begin = Clock::now();
  do {
    const Clock::time_point round = Clock::now();
    pool.run([&](std::size_t worker) { sum += probe->read(data.data() + worker * share, share); });
    best = std::max(best, static_cast<double>(share * pool.size()) / seconds_since(round) / 1e9);
  } while (seconds_since(begin) < seconds);
  return best;
}

}  // namespace hearth
