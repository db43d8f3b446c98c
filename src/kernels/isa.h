// Instruction sets, from the slowest to the best; the order is the order of preference.
// A machine that has one has all the lower ones of its architecture.
#pragma once

#include <optional>
#include <string_view>

namespace hearth {

enum class Isa { kPortable, kAvx2, kAvx2Vnni, kAvx512Vnni };

std::string_view isa_name(Isa isa) noexcept;  // "portable", "avx2", "avx2_vnni", "avx512_vnni"
std::optional<Isa> isa_from_name(std::string_view name) noexcept;
bool isa_supported(Isa isa) noexcept;  // by this CPU
Isa best_isa() noexcept;

}  // namespace hearth
