// Instruction sets, from the slowest to the best; the order is the order of preference, not a
// chain: a machine with avx512_vnni may lack avx2_vnni (Zen 4) and the other way round (Alder
// Lake). Selection therefore takes the best variant that is both ≤ the one asked for and supported.
// avx512_bf16 includes avx512_vnni, whose kernels serve it wherever it has none of its own.
#pragma once

#include <optional>
#include <string_view>

namespace hearth {

enum class Isa { kPortable, kAvx2, kAvx2Vnni, kAvx512Vnni, kAvx512Bf16 };

std::string_view isa_name(Isa isa) noexcept;  // "portable", "avx2", … in that order
std::optional<Isa> isa_from_name(std::string_view name) noexcept;
bool isa_supported(Isa isa) noexcept;  // by this CPU
Isa best_isa() noexcept;

}  // namespace hearth
