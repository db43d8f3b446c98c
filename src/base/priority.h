// Priority: whose work counts for more where not all of it can be done at once. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace hearth {

enum class Priority { kLow, kNormal, kHigh };

inline constexpr std::array<std::string_view, 3> kPriorityNames = {"low", "normal", "high"};

inline std::string_view to_string(Priority priority) noexcept {
  return kPriorityNames[static_cast<std::size_t>(priority)];
}

inline std::optional<Priority> priority_from_name(std::string_view name) noexcept {
  for (const Priority priority : {Priority::kLow, Priority::kNormal, Priority::kHigh}) {
    if (to_string(priority) == name) return priority;
  }
  return std::nullopt;
}

}  // namespace hearth
