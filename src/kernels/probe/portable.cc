#include <cstdint>
#include <cstring>

#include "kernels/probe/variants.h"

namespace hearth {

std::size_t read_probe_portable(const std::byte* data, std::size_t bytes) noexcept {
  std::uint64_t sum[8] = {};
  for (std::size_t at = 0; at < bytes; at += sizeof sum) {
    std::uint64_t line[8];
    std::memcpy(line, data + at, sizeof line);
    for (std::size_t i = 0; i < 8; ++i) sum[i] += line[i];
  }
  return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

}  // namespace hearth
