// The log sink: the one global, on stderr. Levels: error, warn, info, debug. HEARTH_LOG or
// --verbose set the level (default warn). Never logs prompt text.
#pragma once

#include <string_view>

namespace hearth {

enum class LogLevel { kError, kWarn, kInfo, kDebug };

void set_log_level(LogLevel level) noexcept;
void log(LogLevel level, std::string_view message);

}  // namespace hearth
