#include "kernels/isa.h"

#include "base/check.h"
#include "platform/cpu.h"

namespace hearth {
namespace {

constexpr Isa kBestFirst[] = {Isa::kAvx512Bf16, Isa::kAvx512Vnni, Isa::kAvx2Vnni, Isa::kAvx2,
                              Isa::kPortable};

}  // namespace

std::string_view isa_name(Isa isa) noexcept {
  switch (isa) {
    case Isa::kPortable: return "portable";
    case Isa::kAvx2: return "avx2";
    case Isa::kAvx2Vnni: return "avx2_vnni";
    case Isa::kAvx512Vnni: return "avx512_vnni";
    case Isa::kAvx512Bf16: return "avx512_bf16";
  }
  CHECK(false);
}

std::optional<Isa> isa_from_name(std::string_view name) noexcept {
  for (const Isa isa : kBestFirst)
    if (isa_name(isa) == name) return isa;
  return std::nullopt;
}

bool isa_supported(Isa isa) noexcept {
  const CpuFeatures& cpu = cpu_features();
  switch (isa) {
    case Isa::kPortable: return true;
    case Isa::kAvx2: return cpu.avx2;
    case Isa::kAvx2Vnni: return cpu.avx_vnni;
    case Isa::kAvx512Vnni: return cpu.avx512_vnni;
    case Isa::kAvx512Bf16: return cpu.avx512_vnni && cpu.avx512_bf16;
  }
  CHECK(false);
}

Isa best_isa() noexcept {
  for (const Isa isa : kBestFirst)
    if (isa_supported(isa)) return isa;
  CHECK(false);
}

}  // namespace hearth
