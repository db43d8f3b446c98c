// What this machine can do at most, measured in the minute in which it is asked: the limits that a
// kernel's speed is a share of. The threads of the pool run at once; figures are their sum.
// Needs an idle pool; any thread may call.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/isa.h"
#include "platform/thread_pool.h"

namespace hearth {

struct Int8Probe {
  Isa isa;
  const char* tile;        // output rows x columns held in registers
  std::size_t operations;  // of one call: a product and its sum are two
  // Multiplies operands that stay in the first-level cache.
  void (*multiply)() noexcept;
};

struct ReadProbe {
  Isa isa;
  // Reads every byte once, in order, fetching ahead. bytes is a multiple of 256; data is 64-byte
  // aligned. Returns a sum of what it read, so that the reading cannot be left out.
  std::size_t (*read)(const std::byte* data, std::size_t bytes) noexcept;
};

std::span<const Int8Probe> int8_probes() noexcept;
std::span<const ReadProbe> read_probes() noexcept;

// int8 products in Gop/s: the best tile of the best instruction set ≤ isa that this CPU has, each
// tried for its share of `seconds`. 0 on the portable instruction set, which has no such limit.
double int8_peak_gops(Isa isa, ThreadPool& pool, double seconds);

// Sequential reading in GB/s (10^9 bytes): the best of the rounds over all of `data` within
// `seconds`. `data` should be far larger than the last-level cache; each thread reads its share in
// one stream. A round over 256 MiB takes some 10 ms, as long as a token of a small model: slices of
// 0.3 ms were up to a quarter faster than anything the memory sustains.
double read_bandwidth_gbps(std::span<const std::byte> data, ThreadPool& pool, double seconds);

}  // namespace hearth
