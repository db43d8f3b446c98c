#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <iterator>
#include <nlohmann/json.hpp>

namespace hearth {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kLevelNames = {"error", "warn", "info", "debug"};

std::atomic<LogFormat> log_format{LogFormat::kText};

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = spdlog::stderr_color_mt("hearth");
    made->set_pattern("%v");
    made->set_level(spdlog::level::warn);
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum to_spdlog(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kError: return spdlog::level::err;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kDebug: return spdlog::level::debug;
  }
  return spdlog::level::info;
}

std::string_view name_of(LogLevel level) { return kLevelNames[static_cast<std::size_t>(level)]; }

// "2026-11-23T22:51:28.123Z"
std::string now_text() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%s.%03dZ", date.data(), static_cast<int>(ms % 1000));
  return text.data();
}

ordered_json json_of(const LogField& field) {
  if (const auto* seconds = std::get_if<double>(&field.value)) {
    return std::round(*seconds * 1e6) / 1e6;  // microseconds: no digits that mean nothing
  }
  return std::visit([](const auto& held) { return ordered_json(held); }, field.value);
}

std::string dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// What stands in a line as it is; quotes for all else, so that every line can be taken apart again.
bool is_plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
  });
}

}  // namespace

std::optional<LogLevel> log_level_from_name(std::string_view name) noexcept {
  for (const LogLevel level :
       {LogLevel::kError, LogLevel::kWarn, LogLevel::kInfo, LogLevel::kDebug}) {
    if (name_of(level) == name) return level;
  }
  return std::nullopt;
}

std::string log_line(LogFormat format, LogLevel level, std::string_view message,
                     std::span<const LogField> fields) {
  if (format == LogFormat::kJson) {
    ordered_json line{{"time", now_text()}, {"level", name_of(level)}, {"message", message}};
    for (const LogField& field : fields) line[std::string(field.name)] = json_of(field);
    return dump(line);
  }
  std::string line = "hearth: " + std::string(name_of(level)) + ": ";
  std::replace_copy_if(
      message.begin(), message.end(), std::back_inserter(line),
      [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  for (const LogField& field : fields) {
    const auto* text = std::get_if<std::string_view>(&field.value);
    line += ' ' + std::string(field.name) + '=';
    line += text != nullptr && is_plain(*text) ? std::string(*text) : dump(json_of(field));
  }
  return line;
}

void set_log_level(LogLevel level) noexcept { sink().set_level(to_spdlog(level)); }
void set_log_format(LogFormat format) noexcept { log_format = format; }

void log(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  if (!sink().should_log(to_spdlog(level))) return;
  sink().log(to_spdlog(level), log_line(log_format, level, message, fields));
}

}  // namespace hearth
