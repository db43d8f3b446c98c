// The processor and what of it this process may use. Nobody owns anything; every function may be
// called from any thread. A feature is reported only if the operating system saves its registers.
#pragma once

#include <cstddef>
#include <string>

namespace hearth {

struct CpuFeatures {
  bool avx2 = false;         // AVX2, FMA and F16C together: x86-64-v3's vectors
  bool avx_vnni = false;     // VEX-encoded vpdpbusd; implies avx2
  bool avx512 = false;       // F, BW, DQ and VL together; implies avx2
  bool avx512_vnni = false;  // implies avx512
  bool avx512_bf16 = false;  // implies avx512
};
const CpuFeatures& cpu_features() noexcept;

// The maker's name of the processor, blanks trimmed; "unknown processor" where there is none.
std::string cpu_brand();

// Cores this process may keep busy: those its affinity allows, or the cgroup's CPU quota rounded up
// if that is less. At least 1.
std::size_t usable_cores();

// The quota written in a cgroup's cpu.max ("200000 100000", "max 100000"), in cores rounded up;
// 0 if there is no limit or the text is not one.
std::size_t cores_of_quota(const std::string& cpu_max) noexcept;

}  // namespace hearth
