// What a connection may cost: deadlines, caps, clients that leave, and the server's own stop.
#include "http/connection.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "http/test_server.h"

namespace hearth {
namespace {

using namespace http_test;

// Deadlines short enough for a test, and how late one may be on a busy machine.
constexpr double kShortSeconds = 0.3;
constexpr double kLateSeconds = 0.7;

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class ConnectionTest : public testing::Test {
 protected:
  HttpLimits& limits() { return server_.options.limits; }
  HttpServerCounters counters() const { return server_.server->counters(); }

  // Sends a request for it and catches it.
  std::shared_ptr<HttpExchange> caught(TestClient& client) {
    client.send(get("/caught"));
    return server_.caught.take();
  }

  TestServer server_;
};

TEST_F(ConnectionTest, SlowClientsAreClosedWhileOthersAreServed) {
  constexpr std::size_t kSlow = 200;
  limits().header_seconds = kShortSeconds;
  server_.start();
  const auto start = Clock::now();
  std::vector<TestClient> slow;
  for (std::size_t i = 0; i < kSlow; ++i) slow.push_back(server_.client());
  TestClient normal = server_.client();
  std::size_t at = 0;  // every other one sends a byte now and then, the rest nothing
  const std::string endless = "GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(1000, 'x');
  while (seconds_since(start) < kShortSeconds) {
    for (std::size_t i = 0; i < kSlow; i += 2) slow[i].send(endless.substr(at, 1));
    ++at;
    const auto asked = Clock::now();
    EXPECT_EQ(normal.ask(get("/hello")).status, 200);
    EXPECT_LT(seconds_since(asked), 0.1);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  for (TestClient& client : slow) {
    EXPECT_TRUE(client.closed_within(kShortSeconds + kLateSeconds - seconds_since(start)));
  }
  EXPECT_EQ(slow[0].reply().status, 408);
  EXPECT_EQ(slow[1].input(), "");
  EXPECT_TRUE(soon([&] { return counters().open == 1; }, 0.2));
  EXPECT_EQ(counters().timed_out, kSlow);
  EXPECT_EQ(normal.ask(get("/hello")).status, 200);
}

TEST_F(ConnectionTest, ABodyThatStopsComingIsRefused) {
  limits().body_idle_seconds = kShortSeconds;
  server_.start();
  TestClient client = server_.client(), without = server_.client();
  const std::string head = "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n";
  const auto start = Clock::now();
  client.send(head + "abc");
  without.send(head);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  client.send("d");  // begins the wait again
  EXPECT_EQ(without.reply().status, 408);
  EXPECT_EQ(client.reply().status, 408);
  EXPECT_GT(seconds_since(start), kShortSeconds + 0.15);
  EXPECT_TRUE(client.closed_within(kLateSeconds));
  EXPECT_EQ(counters().timed_out, 2u);
}

TEST_F(ConnectionTest, AnIdleConnectionIsClosedQuietly) {
  limits().keep_alive_seconds = 0.2;
  server_.start();
  TestClient client = server_.client();
  const auto start = Clock::now();
  EXPECT_EQ(client.ask(get("/hello")).status, 200);
  EXPECT_TRUE(client.closed_within(0.2 + kLateSeconds));
  EXPECT_GT(seconds_since(start), 0.19);
  EXPECT_EQ(client.input(), "");
  EXPECT_EQ(counters().timed_out, 0u);
}

TEST_F(ConnectionTest, TheHeaderOfALaterRequestHasItsOwnTime) {
  limits().header_seconds = kShortSeconds;
  server_.start();
  TestClient client = server_.client();
  EXPECT_EQ(client.ask(get("/hello")).status, 200);
  std::this_thread::sleep_for(std::chrono::milliseconds(400));  // idle is no header
  EXPECT_EQ(client.ask(get("/hello")).status, 200);
  const auto start = Clock::now();
  client.send("GET ");
  EXPECT_EQ(client.reply().status, 408);
  EXPECT_GT(seconds_since(start), kShortSeconds - 0.05);
  EXPECT_LT(seconds_since(start), kShortSeconds + kLateSeconds);
}

TEST_F(ConnectionTest, AHandlerMayTakeLongerThanEveryDeadline) {
  limits().header_seconds = limits().body_idle_seconds = 0.1;
  limits().keep_alive_seconds = limits().write_seconds = 0.1;
  server_.start();
  TestClient client = server_.client();
  const auto exchange = caught(client);
  ASSERT_TRUE(exchange);
  EXPECT_FALSE(client.closed_within(0.3));
  exchange->begin(200, {});
  EXPECT_FALSE(client.closed_within(0.3));
  exchange->end();
  EXPECT_TRUE(client.reply().complete);
}

TEST_F(ConnectionTest, AClientThatReadsNothingLosesItsStream) {
  TestFolder folder;
  server_.options.unix_socket = folder / "socket";  // its buffers are small and of fixed size
  limits().write_seconds = kShortSeconds;
  server_.start();
  TestClient client = TestClient::unix_socket(folder / "socket");
  const auto exchange = caught(client);
  ASSERT_TRUE(exchange);
  exchange->begin(200, {});
  const std::string piece(64 << 10, 'x');
  std::size_t written = 0;
  const auto start = Clock::now();
  for (int round = 0; round < 2; ++round) {  // the second when the socket's buffers are full
    while (exchange->write(piece) == HttpExchange::Write::kOk && written < 100 * piece.size()) {
      written += piece.size();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_GE(exchange->unsent_bytes(), limits().stream_bytes);
  EXPECT_LT(written, limits().stream_bytes + (1 << 20));
  EXPECT_TRUE(soon([&] { return exchange->gone().cancelled(); }, kShortSeconds + kLateSeconds));
  EXPECT_GT(seconds_since(start), kShortSeconds - 0.05);
  EXPECT_EQ(exchange->write("x"), HttpExchange::Write::kGone);
  EXPECT_EQ(exchange->unsent_bytes(), 0u);
  EXPECT_EQ(counters().timed_out, 1u);
}

TEST_F(ConnectionTest, AClientThatReadsSlowlyKeepsItsStream) {
  TestFolder folder;
  server_.options.unix_socket = folder / "socket";
  limits().write_seconds = kShortSeconds;
  limits().stream_bytes = 100'000;
  server_.start();
  TestClient client = TestClient::unix_socket(folder / "socket");
  const auto exchange = caught(client);
  ASSERT_TRUE(exchange);
  exchange->begin(200, {});
  const std::string body(1'500'000, 'x');
  EXPECT_EQ(exchange->write(body), HttpExchange::Write::kFull);
  const auto start = Clock::now();
  std::string got;
  std::vector<char> bytes(100'000);
  for (ssize_t count = 1; count > 0 && !got.ends_with("\r\n0\r\n\r\n");) {
    if (got.empty()) {  // comes while the socket takes no more
      EXPECT_TRUE(client.read_until("\r\n\r\n"));
      exchange->write("the end");
      exchange->end();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    count = ::recv(client.fd(), bytes.data(), bytes.size(), 0);
    if (count > 0) got.append(bytes.data(), static_cast<std::size_t>(count));
  }
  EXPECT_GE(got.size() + client.input().size(), body.size());
  EXPECT_NE(got.find("the end\r\n0\r\n\r\n"), std::string::npos);
  EXPECT_GT(seconds_since(start), 2 * kShortSeconds);
  EXPECT_FALSE(exchange->gone().cancelled());
}

TEST_F(ConnectionTest, LeavingIsNoticedWhileAHandlerWorks) {
  server_.start();
  for (const bool by_reset : {false, true}) {
    for (const bool streaming : {false, true}) {
      TestClient client = server_.client();
      const auto exchange = caught(client);
      ASSERT_TRUE(exchange);
      if (streaming) {
        exchange->begin(200, {});
        exchange->write("x");
        EXPECT_TRUE(client.read_until("x\r\n"));
      }
      EXPECT_FALSE(exchange->gone().cancelled());
      by_reset ? client.reset() : client.close();
      EXPECT_TRUE(soon([&] { return exchange->gone().cancelled(); }, 0.1));
      exchange->reply({.body = "too late"});
    }
  }
  EXPECT_TRUE(soon([&] { return counters().open == 0; }));
}

TEST_F(ConnectionTest, WhatComesEarlyIsKeptAndBounded) {
  TestFolder folder;
  server_.options.unix_socket = folder / "socket";
  server_.start();
  TestClient client = TestClient::unix_socket(folder / "socket");
  const auto exchange = caught(client);
  ASSERT_TRUE(exchange);
  const std::string request = get("/hello", "X-Padding: " + std::string(2000, 'x') + "\r\n");
  std::string early;
  while (early.size() < (4u << 20)) early += request;
  std::size_t taken = 0;
  soon(
      [&] {
        const auto sent =
            ::send(client.fd(), early.data() + taken, early.size() - taken, MSG_DONTWAIT);
        if (sent > 0) taken += static_cast<std::size_t>(sent);
        return false;
      },
      0.15);
  EXPECT_LT(taken, kEarlyBytesMax + kReadBytes + (512u << 10));  // and the socket's own buffers
  EXPECT_GT(taken, kEarlyBytesMax);
  exchange->reply({.body = "first"});
  EXPECT_EQ(client.reply().body, "first");
  const std::size_t whole = taken / request.size();
  for (std::size_t i = 0; i < whole; ++i) ASSERT_EQ(client.reply().body, "hello\n") << i;
}

TEST_F(ConnectionTest, OneConnectionTooManyIsTurnedAway) {
  limits().connections = 3;
  server_.start();
  std::vector<TestClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(server_.client());
    EXPECT_EQ(clients.back().ask(get("/hello")).status, 200);
  }
  TestClient extra = server_.client();
  EXPECT_EQ(extra.ask(get("/hello")).status, 503);
  EXPECT_TRUE(extra.closed_within(0.2));
  clients.pop_back();
  EXPECT_TRUE(soon([&] { return server_.client().ask(get("/hello")).status == 200; }));
}

#ifndef HEARTH_SANITIZE  // UBSan looks at objects through a pipe, for which no descriptor is left
TEST_F(ConnectionTest, WithoutDescriptorsItWaitsAndDoesNotSpin) {
  server_.start();
  TestClient before = server_.client();
  EXPECT_EQ(before.ask(get("/hello")).status, 200);
  const int socket = TestClient::tcp_socket();
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  const int lowest_free = ::dup(socket);
  ::close(lowest_free);
  const rlimit none_left{static_cast<rlim_t>(lowest_free), old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);

  TestClient client = TestClient::tcp(server_.server->endpoints()[0].port, socket);
  client.send(get("/hello"));
  const double busy = processor_seconds();
  EXPECT_FALSE(client.closed_within(0.3));
  EXPECT_LT(processor_seconds() - busy, 0.1);
  EXPECT_EQ(client.input(), "");
  EXPECT_EQ(before.ask(get("/hello")).status, 200);

  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
  EXPECT_EQ(client.reply().status, 200);
}
#endif

TEST_F(ConnectionTest, IdleCostsNothing) {
  server_.start();
  std::vector<TestClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(server_.client());
    EXPECT_EQ(clients.back().ask(get("/hello")).status, 200);
  }
  const auto exchange = caught(clients[0]);
  ASSERT_TRUE(exchange);
  exchange->begin(200, {});
  EXPECT_TRUE(clients[0].read_until("\r\n\r\n"));
  const double before = processor_seconds();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_LT(processor_seconds() - before, 0.01);  // 1 % of a core
}

TEST_F(ConnectionTest, AStoppingServerFinishesWhatIsUnderWay) {
  server_.start();
  const auto port = server_.server->endpoints()[0].port;
  TestClient idle = server_.client(), half = server_.client(), streaming = server_.client(),
             waiting = server_.client();
  EXPECT_EQ(idle.ask(get("/hello")).status, 200);
  half.send("GET /hel");
  const auto stream = caught(streaming);
  ASSERT_TRUE(stream);
  stream->begin(200, {});
  stream->write("before ");
  const auto whole = caught(waiting);
  ASSERT_TRUE(whole);
  EXPECT_TRUE(streaming.read_until("before \r\n"));

  auto stopped = std::async(std::launch::async, [&] { return server_.server->stop(5); });
  EXPECT_TRUE(idle.closed_within(1));
  EXPECT_TRUE(half.closed_within(1));
  EXPECT_FALSE(TestClient::tcp(port).connected());
  EXPECT_FALSE(stream->gone().cancelled());
  stream->write("after");
  stream->end();
  waiting.send(get("/hello"));  // too late for this server
  whole->reply({.body = "whole"});
  EXPECT_EQ(streaming.reply().body, "before after");
  EXPECT_TRUE(streaming.closed_within(1));
  const Reply last = waiting.reply();
  EXPECT_EQ(last.body, "whole");
  EXPECT_EQ(last.header("connection"), "close");
  EXPECT_TRUE(waiting.closed_within(1));
  EXPECT_EQ(stopped.get(), 0u);
  EXPECT_EQ(counters().open, 0u);
  EXPECT_EQ(server_.server->stop(5), 0u);
}

TEST_F(ConnectionTest, AStoppingServerCutsWhatTakesTooLong) {
  server_.start();
  TestClient client = server_.client(), sending = server_.client();
  const auto exchange = caught(client);
  ASSERT_TRUE(exchange);
  exchange->begin(200, {});
  sending.send("POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_FALSE(sending.closed_within(0.05));
  const auto start = Clock::now();
  EXPECT_EQ(server_.server->stop(0.2), 2u);
  EXPECT_GT(seconds_since(start), 0.19);
  EXPECT_LT(seconds_since(start), 0.2 + kLastWordsSeconds + kLateSeconds);
  EXPECT_TRUE(exchange->gone().cancelled());
  EXPECT_TRUE(client.closed_within(1));
  EXPECT_TRUE(sending.closed_within(1));
}

TEST_F(ConnectionTest, WhoIsCutMaySaySo) {
  server_.start();
  TestClient client = server_.client();
  const auto exchange = caught(client);
  ASSERT_TRUE(exchange);
  exchange->begin(200, {});
  exchange->write("begun ");
  CancelToken hurry;
  const auto start = Clock::now();
  auto stopped = std::async(std::launch::async, [&] { return server_.server->stop(60, &hurry); });
  EXPECT_FALSE(client.closed_within(0.1));
  EXPECT_FALSE(exchange->gone().cancelled());
  hurry.cancel();
  while (!exchange->gone().cancelled() && seconds_since(start) < kPatience) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(exchange->write("cut"), HttpExchange::Write::kOk);
  exchange->end();
  EXPECT_EQ(client.reply().body, "begun cut");
  EXPECT_EQ(stopped.get(), 1u);
  EXPECT_LT(seconds_since(start), kLastWordsSeconds);
  EXPECT_EQ(exchange->write("more"), HttpExchange::Write::kGone);
}

TEST_F(ConnectionTest, AServerThatGoesInTheMiddleOfASinkWaitsForIt) {
  std::promise<void> entered;
  std::atomic<bool> left{false};
  server_.on_head = [&](const IncomingRequest&) -> HeadVerdict {
    return BodyPlan{.sink = [&](std::string_view) {
      entered.set_value();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      left = true;
    }};
  };
  server_.start();
  TestClient client = server_.client();
  client.send(post("/body", "x"));
  entered.get_future().wait();
  server_.server.reset();
  EXPECT_TRUE(left);
}

}  // namespace
}  // namespace hearth
