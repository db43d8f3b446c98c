#include "server/router.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

Router router_of(std::initializer_list<std::pair<const char*, const char*>> routes) {
  Router router;
  for (const auto& [method, path] : routes) {
    router.add({.method = method,
                .path = path,
                .permission = Permission::kUse,
                .dialect = Dialect::kOpenAi,
                .summary = "",
                .handle = [](const Call&) {}});
  }
  return router;
}

TEST(Router, MatchesWholePathsAndTakesParameters) {
  const Router router = router_of({{"GET", "/"},
                                   {"GET", "/v1/models"},
                                   {"GET", "/v1/models/{model*}"},
                                   {"DELETE", "/v1/responses/{id}"},
                                   {"GET", "/v1/responses/{id}"},
                                   {"POST", "/v1/responses/{id}/cancel"}});
  const auto path_of = [&](const char* method, const char* path) {
    const Router::Match match = router.match(method, path);
    return match.route == nullptr ? (match.allowed.empty() ? "none" : "only " + match.allowed)
                                  : match.route->path;
  };
  EXPECT_EQ(path_of("GET", "/"), "/");
  EXPECT_EQ(path_of("HEAD", "/v1/models"), "/v1/models");
  EXPECT_EQ(path_of("POST", "/v1/models"), "only GET, HEAD");
  EXPECT_EQ(path_of("GET", "/v1/models/"), "none");
  EXPECT_EQ(path_of("GET", "/v1/modelsx"), "none");
  EXPECT_EQ(path_of("GET", "/v1"), "none");
  EXPECT_EQ(path_of("GET", "//v1/models"), "none");
  EXPECT_EQ(path_of("DELETE", "/v1/responses/"), "none");
  EXPECT_EQ(path_of("DELETE", "/v1/responses/a/cancel"), "only POST");
  EXPECT_EQ(path_of("PUT", "/v1/responses/a"), "only DELETE, GET, HEAD");
  EXPECT_EQ(router.match("GET", "/v1/models/hf.co/org/repo:Q4").params.at("model"),
            "hf.co/org/repo:Q4");
  EXPECT_EQ(router.match("POST", "/v1/responses/a b/cancel").params.at("id"), "a b");
}

}  // namespace
}  // namespace hearth
