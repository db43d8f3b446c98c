#include "base/log.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

namespace hearth {
namespace {

const std::array<LogField, 5> kFields = {{{"key", std::string_view("ana")},
                                          {"name", std::string_view("a \"b\"\n\x1b[2J")},
                                          {"none", std::string_view()},
                                          {"tokens", std::uint64_t{18446744073709551615u}},
                                          {"total_s", 0.1234567}}};

TEST(Log, TextCanBeTakenApart) {
  EXPECT_EQ(log_line(LogFormat::kText, LogLevel::kInfo, "request", kFields),
            R"(hearth: info: request key=ana name="a \"b\"\n\u001b[2J" none="" )"
            "tokens=18446744073709551615 total_s=0.123457");
}

TEST(Log, AMessageIsOneLine) {
  EXPECT_EQ(log_line(LogFormat::kText, LogLevel::kWarn, "no\nluck\x1b[2J", {}),
            "hearth: warn: no luck [2J");
}

TEST(Log, JsonIsOneObjectALine) {
  const std::string line = log_line(LogFormat::kJson, LogLevel::kError, "no\nluck \xff", kFields);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto object = nlohmann::json::parse(line);
  EXPECT_EQ(object["level"], "error");
  EXPECT_EQ(object["message"], "no\nluck \xef\xbf\xbd");
  EXPECT_EQ(object["name"], "a \"b\"\n\x1b[2J");
  EXPECT_EQ(object["tokens"], 18446744073709551615u);
  EXPECT_EQ(object["total_s"], 0.123457);
  EXPECT_EQ(object["time"].get<std::string>().size(), 24u);
}

TEST(Log, LevelsHaveNames) {
  EXPECT_EQ(log_level_from_name("debug"), LogLevel::kDebug);
  EXPECT_FALSE(log_level_from_name("warning"));
}

}  // namespace
}  // namespace hearth
