// The log sink: the one global, on stderr. Its level is warn until set; the program takes it from
// HEARTH_LOG. Never logs prompt text.
#pragma once

#include <optional>
#include <string_view>

namespace hearth {

enum class LogLevel { kError, kWarn, kInfo, kDebug };

std::optional<LogLevel> log_level_from_name(std::string_view name) noexcept;
void set_log_level(LogLevel level) noexcept;
void log(LogLevel level, std::string_view message);

}  // namespace hearth
