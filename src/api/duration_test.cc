#include "api/duration.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth {
namespace {

struct Case {
  const char* text;
  double seconds;
};

TEST(Duration, ReadsWhatGoWrites) {
  const Case cases[] = {{"0", 0},
                        {"-0", 0},
                        {"+0", 0},
                        {"5m", 300},
                        {"1h30m", 5400},
                        {"2h45m", 9900},
                        {"1.5h", 5400},
                        {"300ms", 0.3},
                        {"-1m", -60},
                        {"+90s", 90},
                        {".5s", 0.5},
                        {"5.s", 5},
                        {"1us", 1e-6},
                        {"1\xC2\xB5s", 1e-6},
                        {"1\xCE\xBCs", 1e-6},
                        {"1ns", 1e-9},
                        {"24h0m0s", 86400},
                        {"0s", 0},
                        {"2562047h", 2562047 * 3600.0}};
  for (const Case& expected : cases) {
    const std::optional<double> seconds = parse_duration(expected.text);
    ASSERT_TRUE(seconds) << expected.text;
    EXPECT_DOUBLE_EQ(*seconds, expected.seconds) << expected.text;
  }
}

TEST(Duration, RefusesEverythingElse) {
  for (const char* text : {"",
                           "-",
                           "+",
                           "5",
                           "-1",
                           "m",
                           ".m",
                           "5x",
                           "5m3",
                           "1.2.3s",
                           "5 m",
                           " 5m",
                           "5m ",
                           "--5m",
                           "5mm",
                           "1e3s",
                           "0x5s",
                           "infs",
                           "nan",
                           "1d",
                           "5M",
                           "2562048h",
                           "99999999999999999999h"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  EXPECT_FALSE(parse_duration(std::string(400, '9') + "h"));
  EXPECT_FALSE(parse_duration(std::string_view("5m\0", 3)));
}

}  // namespace
}  // namespace hearth
