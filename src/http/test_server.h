// A server for tests: routes by path, everything else as little as can be. Owns the server; stops
// it when it goes.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "http/server.h"
#include "http/test_client.h"

namespace hearth::http_test {

// A folder of this test's own, gone with it.
class TestFolder {
 public:
  TestFolder() {
    std::string name = std::filesystem::temp_directory_path() / "hearth-http-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// The exchange that a handler was given, for the test's own thread.
class Caught {
 public:
  void put(std::shared_ptr<HttpExchange> exchange) {
    const std::lock_guard lock(mutex_);
    exchange_ = std::move(exchange);
  }
  // Waits for it, and lets go of it.
  std::shared_ptr<HttpExchange> take() {
    for (const auto start = Clock::now(); seconds_since(start) < kPatience;) {
      {
        const std::lock_guard lock(mutex_);
        if (exchange_) return std::exchange(exchange_, nullptr);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << "no request came";
    return nullptr;
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<HttpExchange> exchange_;
};

// Whether `condition` comes true in that time.
template <typename Condition>
bool soon(Condition condition, double seconds = kPatience) {
  for (const auto start = Clock::now(); seconds_since(start) < seconds;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return condition();
}

class TestServer {
 public:
  using Handler = std::function<void(std::shared_ptr<HttpExchange>)>;

  TestServer() {
    options.tcp = {{"127.0.0.1", 0}};
    on_head = [](const IncomingRequest&) { return BodyPlan{}; };
    routes["/hello"] = [](auto exchange) { exchange->reply({.body = "hello\n"}); };
    routes["/body"] = [](auto exchange) { exchange->reply({.body = exchange->request().body}); };
    routes["/caught"] = [this](auto exchange) { caught.put(std::move(exchange)); };
  }

  // Everything public is set before.
  void start() {
    HttpHandlers handlers;
    handlers.on_head = on_head;
    handlers.on_request = [this](std::shared_ptr<HttpExchange> exchange) {
      const auto route = routes.find(exchange->request().path);
      if (route == routes.end()) return exchange->reply({.status = 404, .body = "no such path\n"});
      route->second(std::move(exchange));
    };
    handlers.on_refused = [](int status, std::string_view why, std::string_view path) {
      return HttpReply{
          .status = status, .headers = {{"X-Path", std::string(path)}}, .body = std::string(why)};
    };
    handlers.on_reply_headers = on_reply_headers;
    server = std::make_unique<HttpServer>(options, std::move(handlers));
    server->start();
  }

  TestClient client() const { return TestClient::tcp(server->endpoints().at(0).port); }

  HttpServerOptions options;
  decltype(HttpHandlers::on_head) on_head;
  decltype(HttpHandlers::on_reply_headers) on_reply_headers;
  std::map<std::string, Handler> routes;
  Caught caught;
  std::unique_ptr<HttpServer> server;  // the last member: its handlers use the others
};

inline std::string get(const std::string& target, const std::string& more = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: test\r\n" + more + "\r\n";
}

inline std::string post(const std::string& target, const std::string& body,
                        const std::string& more = {}) {
  return "POST " + target +
         " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         more + "\r\n" + body;
}

}  // namespace hearth::http_test
