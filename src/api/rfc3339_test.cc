#include "api/rfc3339.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

// From Python: datetime.fromtimestamp(s, timezone.utc).isoformat()
TEST(Rfc3339, WritesUtcWithNanoseconds) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(rfc3339(1795474288123), "2026-11-23T22:51:28.123000000Z");
  EXPECT_EQ(rfc3339(951782400001), "2000-02-29T00:00:00.001000000Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59.999000000Z");
  EXPECT_EQ(rfc3339(253402300799000), "9999-12-31T23:59:59.000000000Z");
}

}  // namespace
}  // namespace hearth
