// Every probe's entry point, declared from kernels.inc and defined in its instruction set's file.
#pragma once

#include <cstddef>

namespace hearth {

// One call multiplies the tile kProbeRounds times over operands of kProbeGroups groups of 4
// products per lane: at most 4 vectors * 16 groups * 64 bytes + 12 columns * 16 * 4 bytes = 4.8 KB,
// well inside a first-level cache, and long enough (some 30 us) that the clock's cost does not
// show.
inline constexpr std::size_t kProbeGroups = 16;
inline constexpr std::size_t kProbeRounds = 500;

#define HEARTH_INT8_PROBE(isa, suffix, rows, columns) \
  void int8_probe_##rows##x##columns##_##suffix() noexcept;
#define HEARTH_READ_PROBE(isa, suffix) \
  std::size_t read_probe_##suffix(const std::byte* data, std::size_t bytes) noexcept;
#include "kernels/probe/kernels.inc"
#undef HEARTH_INT8_PROBE
#undef HEARTH_READ_PROBE

}  // namespace hearth
