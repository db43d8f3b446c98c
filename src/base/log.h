// The log sink: the one global, on stderr: text for people, or one JSON object a line. Its level is
// warn until set; the program takes it from HEARTH_LOG. Never logs prompt text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace hearth {

enum class LogLevel { kError, kWarn, kInfo, kDebug };
enum class LogFormat { kText, kJson };

// What a line says besides its message: "name=value", or a member of the object.
struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::uint64_t, double> value;
};

std::optional<LogLevel> log_level_from_name(std::string_view name) noexcept;
void set_log_level(LogLevel level) noexcept;
void set_log_format(LogFormat format) noexcept;
void log(LogLevel level, std::string_view message, std::span<const LogField> fields = {});

// The line without its end, as either format has it: "hearth: warn: message name=value", or
// {"time": …, "level": "warn", "message": …, "name": value}. Control characters are escaped; in a
// text's message, spaces.
std::string log_line(LogFormat format, LogLevel level, std::string_view message,
                     std::span<const LogField> fields);

}  // namespace hearth
