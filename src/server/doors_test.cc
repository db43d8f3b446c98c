#include "server/doors.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace hearth {
namespace {

class DoorsTest : public testing::Test {
 protected:
  DoorsTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("doors_test." + std::to_string(::getpid()))),
        state_(folder_ / "state.db") {}
  ~DoorsTest() override { std::filesystem::remove_all(folder_); }

  // The status of the door; 200: inside.
  static int status(const Doors& doors, const IncomingRequest& request, Permission permission) {
    const auto caller = doors.enter(request, permission);
    const auto* error = std::get_if<ApiError>(&caller);
    return error == nullptr ? 200 : error->status;
  }
  static IncomingRequest request(HttpFields headers) {
    IncomingRequest request;
    request.method = "GET";
    request.path = "/";
    request.peer = request.reached = "127.0.0.1";
    request.headers = std::move(headers);
    request.headers.emplace_back("host", "127.0.0.1:11435");
    return request;
  }

  std::filesystem::path folder_;
  State state_;
};

TEST_F(DoorsTest, WithoutKeysWhoeverReachesItIsIn) {
  const Doors doors({}, state_);
  EXPECT_EQ(status(doors, request({}), Permission::kAdmin), 200);
  EXPECT_EQ(status(doors, request({{"authorization", "Bearer ollama"}}), Permission::kUse), 200);
  EXPECT_EQ(status(doors, request({{"authorization", "Bearer hearth-x"}}), Permission::kUse), 401)
      << "a key of ours that is none";
}

TEST_F(DoorsTest, KeysOpenWhatTheirRoleMay) {
  const Doors doors({.keys_required = true, .hosts = {}, .cors_origins = {}}, state_);
  const std::string user = state_.add_key("u", KeyRole::kUser, {}, std::nullopt).secret;
  const std::string admin = state_.add_key("a", KeyRole::kAdmin, {}, std::nullopt).secret;
  struct Case {
    HttpFields headers;
    int open, use, manage;
  };
  const Case cases[] = {
      {{}, 200, 401, 401},
      {{{"authorization", "Bearer " + user}}, 200, 200, 403},
      {{{"authorization", "bearer " + user}}, 200, 200, 403},
      {{{"x-api-key", user}}, 200, 200, 403},
      {{{"authorization", "Bearer " + admin}}, 200, 200, 200},
      {{{"authorization", "Bearer " + admin + "x"}}, 200, 401, 401},
      {{{"authorization", "Bearer  " + admin}}, 200, 401, 401},
      {{{"authorization", "Basic " + admin}}, 200, 401, 401},
      {{{"authorization", admin}}, 200, 401, 401},
      {{{"cookie", "key=" + admin}}, 200, 401, 401},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.headers.empty() ? "" : c.headers[0].first);
    EXPECT_EQ(status(doors, request(c.headers), Permission::kPublic), c.open);
    EXPECT_EQ(status(doors, request(c.headers), Permission::kUse), c.use);
    EXPECT_EQ(status(doors, request(c.headers), Permission::kAdmin), c.manage);
  }
  state_.revoke_key("a");
  EXPECT_EQ(status(doors, request({{"x-api-key", admin}}), Permission::kUse), 401);
}

TEST_F(DoorsTest, TenantsAreKeys) {
  const Doors doors({}, state_);
  const std::string a = state_.add_key("a", KeyRole::kUser, {}, std::nullopt).secret;
  const std::string b = state_.add_key("b", KeyRole::kUser, {}, std::nullopt).secret;
  const auto tenant = [&](HttpFields headers) {
    return std::get<Caller>(doors.enter(request(std::move(headers)), Permission::kUse)).tenant;
  };
  EXPECT_EQ(tenant({}), "");
  EXPECT_NE(tenant({{"x-api-key", a}}), tenant({{"x-api-key", b}}));
  EXPECT_EQ(tenant({{"x-api-key", a}}), tenant({{"authorization", "Bearer " + a}}));
}

TEST_F(DoorsTest, WithoutKeysOnlyThisMachineIsTheAdmin) {
  const Doors doors({}, state_);
  IncomingRequest far = request({});
  for (const char* peer : {"192.0.2.7", "fd00::7", "?", ""}) {
    far.peer = peer;
    EXPECT_EQ(status(doors, far, Permission::kPublic), 200);
    EXPECT_EQ(status(doors, far, Permission::kAdmin), 403) << peer;
    const auto caller = doors.enter(far, Permission::kUse);
    EXPECT_FALSE(std::get<Caller>(caller).admin);
  }
  far.peer = "::1";
  EXPECT_EQ(status(doors, far, Permission::kAdmin), 200);
  far.peer = "192.0.2.7";
  const std::string admin = state_.add_key("a", KeyRole::kAdmin, {}, std::nullopt).secret;
  far.headers.emplace_back("x-api-key", admin);
  EXPECT_EQ(status(doors, far, Permission::kAdmin), 200);
}

TEST_F(DoorsTest, AHostIsAnAddressThatWasReachedOrANameThatIsAllowed) {
  const Doors doors({.keys_required = false, .hosts = {"fd00::9", "Box.LAN"}, .cors_origins = {}},
                    state_);
  const struct {
    const char* reached;
    const char* host;
    bool allowed;
  } cases[] = {
      {"127.0.0.1", "127.0.0.1:80", true},
      {"fd00::2", "[fd00::2]:11435", true},
      {"fd00::2", "[fd00::2]", true},
      {"fd00::2", "fd00::2", false},
      {"fd00::2", "[fd00::3]", false},
      {"192.0.2.2", "192.0.2.2:80", true},
      {"192.0.2.2", "192.0.2.3", false},
      {"192.0.2.2", "evil.example", false},
      {"192.0.2.2", "", false},
      {"", "", false},
      {"192.0.2.2", "[fd00::9]:80", true},
      {"192.0.2.2", "box.lan", true},
  };
  for (const auto& c : cases) {
    IncomingRequest request;
    request.reached = c.reached;
    request.headers = {{"host", c.host}};
    EXPECT_EQ(!doors.foreign(request), c.allowed) << c.reached << ' ' << c.host;
  }
}

TEST_F(DoorsTest, PagesOfAnAllowedOriginSeeWhatTheyNeed) {
  const Doors none({}, state_);
  const Doors doors({.keys_required = false, .hosts = {}, .cors_origins = {"https://app.example"}},
                    state_);
  const auto value = [](const HttpFields& fields, std::string_view name) {
    for (const auto& [field, content] : fields) {
      if (field == name) return content;
    }
    return std::string();
  };
  const IncomingRequest page = request(
      {{"origin", "https://app.example"}, {"access-control-request-headers", "x-stainless-os"}});
  const IncomingRequest other = request(
      {{"origin", "https://evil.example"}, {"access-control-request-headers", "x-stainless-os"}});
  EXPECT_TRUE(none.cors_headers(page).empty());
  EXPECT_EQ(value(doors.cors_headers(page), "Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_NE(value(doors.cors_headers(page), "Access-Control-Expose-Headers").find("retry-after"),
            std::string::npos);
  EXPECT_EQ(value(doors.preflight_headers(page), "Access-Control-Allow-Headers"), "x-stainless-os");
  EXPECT_EQ(doors.cors_headers(other), (HttpFields{{"Vary", "Origin"}}));
  EXPECT_TRUE(doors.preflight_headers(other).empty());
}

TEST_F(DoorsTest, TheSocketIsItsOwners) {
  const Doors doors({.keys_required = true, .hosts = {}, .cors_origins = {}}, state_);
  IncomingRequest local = request({});
  local.headers = {{"host", "anything"}};
  local.local = true;
  EXPECT_EQ(status(doors, local, Permission::kAdmin), 200);
}

}  // namespace
}  // namespace hearth
