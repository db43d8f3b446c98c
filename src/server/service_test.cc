#include "server/service.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hearth {
namespace {

TEST(Service, OnlyAnAdminSaysHowLongAModelStays) {
  Call call;
  for (const double seconds : {-1.0, 0.0, 1e-9, 300.0, 1e9}) {
    call.caller.admin = true;
    EXPECT_EQ(keep_alive_of(call, KeepAlive{seconds}), seconds);
    call.caller.admin = false;
    if (seconds > 0) {
      EXPECT_EQ(keep_alive_of(call, KeepAlive{seconds}), std::nullopt);
    } else {
      EXPECT_THROW(keep_alive_of(call, KeepAlive{seconds}), Error);
    }
  }
  EXPECT_EQ(keep_alive_of(call, std::nullopt), std::nullopt);
}

}  // namespace
}  // namespace hearth
