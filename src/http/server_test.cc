// Requests and replies over real sockets: what is asked, what is answered, what is refused.
#include "http/server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "http/test_server.h"

namespace hearth {
namespace {

using namespace http_test;

std::string described(const IncomingRequest& request) {
  std::string out = request.method + '|' + request.path + '|';
  for (const auto& [name, value] : request.query) out += name + '=' + value + ';';
  out += '|' + std::string(request.header("x-name")) + '|' + request.body + '|' + request.peer;
  if (request.reached != request.peer) out += "|reached " + request.reached;  // the one loopback
  if (request.secure) out += "|secure";
  if (request.local) out += "|local";
  return out;
}

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    server_.routes["/described"] = [](auto exchange) {
      exchange->reply({.body = described(exchange->request())});
    };
    server_.routes["/stream"] = [](auto exchange) {
      exchange->begin(200, {{"Content-Type", "text/event-stream"}});
      exchange->write("one ");
      exchange->write("two");
      exchange->end();
    };
  }
  TestServer server_;
};

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  server_.start();
  TestClient client = server_.client();
  for (int i = 0; i < 3; ++i) {
    const Reply reply = client.ask(get("/described?a=b+c", "X-Name: x\r\n"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.complete);
    EXPECT_EQ(reply.body, "GET|/described|a=b c;|x||127.0.0.1");
    EXPECT_EQ(reply.header("connection"), "");
    EXPECT_TRUE(reply.header("date").ends_with(" GMT")) << reply.header("date");
  }
  EXPECT_EQ(server_.server->counters().accepted, 1u);
  EXPECT_EQ(server_.server->counters().open, 1u);
}

TEST_F(HttpServerTest, TakesARequestThatComesByteByByte) {
  server_.start();
  TestClient client = server_.client();
  client.send_byte_by_byte(
      "POST /described?q=1 HTTP/1.1\r\nHost: h\r\nX-Name: n\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nX-Name: trailer\r\n\r\n");
  EXPECT_EQ(client.reply().body, "POST|/described|q=1;|n|hello!|127.0.0.1");
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  server_.start();
  TestClient client = server_.client();
  // The first two are answered later and by another thread; the rest waits.
  client.send(get("/caught") + get("/caught?2") + post("/body", "third") + get("/nowhere") +
              get("/hello"));
  for (const char* body : {"first", "second"}) {
    const auto exchange = server_.caught.take();
    ASSERT_TRUE(exchange);
    EXPECT_FALSE(client.closed_within(0.02));
    EXPECT_EQ(client.input(), "");
    exchange->reply({.body = body});
    EXPECT_EQ(client.reply().body, body);
    EXPECT_FALSE(exchange->gone().cancelled());
  }
  EXPECT_EQ(client.reply().body, "third");
  EXPECT_EQ(client.reply().status, 404);
  EXPECT_EQ(client.reply().body, "hello\n");
}

TEST_F(HttpServerTest, AnswersManyPipelinedRefusals) {
  server_.on_head = [](const IncomingRequest&) -> HeadVerdict { return HttpReply{.status = 401}; };
  server_.start();
  TestClient client = server_.client();
  std::string requests;
  for (int i = 0; i < 2000; ++i) requests += get("/hello");
  std::thread sender([&] { client.send(requests); });
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(client.reply().status, 401) << i;
  sender.join();
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  server_.start();
  TestClient client = server_.client();
  const Reply whole = client.ask("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.header("content-length"), "6");
  const Reply stream = client.ask("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(stream.header("transfer-encoding"), "chunked");
  client.send("HEAD /caught HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto exchange = server_.caught.take();
  ASSERT_TRUE(exchange);
  exchange->begin(200, {});
  exchange->write(std::string(2 << 20, 'x'));  // goes nowhere, and holds up nobody
  EXPECT_TRUE(soon([&] { return exchange->unsent_bytes() == 0; }, 1));
  exchange->end();
  EXPECT_TRUE(client.reply(true).complete);
  EXPECT_EQ(client.ask(get("/hello")).body, "hello\n");  // nothing stood between
  EXPECT_EQ(client.input(), "");
}

TEST_F(HttpServerTest, AStatusWithoutContentHasNone) {
  server_.routes["/empty"] = [](auto exchange) {
    exchange->reply({.status = 204, .body = "not to be sent"});
  };
  server_.start();
  TestClient client = server_.client();
  const Reply empty = client.ask(get("/empty"));
  EXPECT_EQ(empty.status, 204);
  EXPECT_EQ(empty.header("content-length"), "");
  EXPECT_EQ(client.ask(get("/hello")).body, "hello\n");
}

TEST_F(HttpServerTest, Http10IsClosedUnlessItAsksNotToBe) {
  server_.start();
  TestClient closed = server_.client();
  const Reply reply = closed.ask("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(reply.body, "hello\n");
  EXPECT_EQ(reply.header("connection"), "close");
  EXPECT_TRUE(closed.closed_within(1));

  TestClient kept = server_.client();
  for (int i = 0; i < 2; ++i) {
    const Reply again = kept.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(again.header("connection"), "keep-alive");
    EXPECT_EQ(again.body, "hello\n");
  }
  // A stream of unknown length ends with the connection.
  const Reply stream = kept.ask("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(stream.header("transfer-encoding"), "");
  EXPECT_EQ(stream.header("connection"), "close");
  EXPECT_EQ(stream.body, "one two");
  EXPECT_TRUE(stream.complete);
}

TEST_F(HttpServerTest, ClosesWhenTheClientAsks) {
  server_.start();
  TestClient client = server_.client();
  EXPECT_EQ(client.ask(get("/hello", "Connection: close\r\n")).header("connection"), "close");
  EXPECT_TRUE(client.closed_within(1));
  EXPECT_TRUE(soon([&] { return server_.server->counters().open == 0; }));
}

TEST_F(HttpServerTest, AHeaderCannotEndItsLine) {
  server_.routes["/split"] = [](auto exchange) {
    exchange->reply({.headers = {{"X-Echo", "a\r\nX-Evil: b"}}, .body = "x"});
  };
  server_.start();
  const Reply reply = server_.client().ask(get("/split"));
  EXPECT_EQ(reply.header("x-echo"), "a  X-Evil: b");
  EXPECT_EQ(reply.header("x-evil"), "");
}

TEST_F(HttpServerTest, RefusesWithASentenceAndCloses) {
  server_.options.limits.header_bytes = 500;
  server_.options.limits.body_bytes = 10;
  server_.start();
  const std::string head = "POST /body HTTP/1.1\r\nHost: h\r\n";
  const std::vector<std::pair<int, std::string>> cases = {
      {400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {400, "\x16\x03\x01\x02\x00\x01\x00\x01"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, head + "A: b\r\n c\r\n\r\n"},
      {400, head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, head + "Transfer-Encoding: chunked\r\n\r\nnot a size\r\n"},
      {413, head + "Content-Length: 11\r\n\r\n"},  // not a byte of the body was sent
      {413, head + "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n6\r\n"},
      {417, head + "Expect: tea\r\n\r\n"},
      {431, head + "A: " + std::string(600, 'x') + "\r\n\r\n"},
      {431, head + "A: " + std::string(600, 'x')},
  };
  for (const auto& [status, request] : cases) {
    TestClient client = server_.client();
    EXPECT_EQ(client.ask("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
    const Reply reply = client.ask(request);
    EXPECT_EQ(reply.status, status) << request;
    EXPECT_EQ(reply.header("connection"), "close");
    EXPECT_TRUE(reply.body.ends_with('.')) << reply.body;
    EXPECT_TRUE(client.closed_within(0.5)) << request;
  }
  EXPECT_EQ(server_.server->counters().refused, cases.size());
}

TEST_F(HttpServerTest, ChunksMayNotBeMostlyExtensions) {
  server_.options.limits.header_bytes = 500;
  server_.start();
  const auto with_chunks = [](int count) {
    std::string request = "POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < count; ++i) request += "1;" + std::string(114, 'x') + "\r\ny\r\n";
    return request + "0\r\n\r\n";
  };
  EXPECT_EQ(server_.client().ask(with_chunks(5)).body, "yyyyy");  // 100 bytes of each too many
  EXPECT_EQ(server_.client().ask(with_chunks(6)).status, 400);
}

TEST_F(HttpServerTest, ARefusalReachesAClientThatIsStillSending) {
  server_.start();
  for (const bool with_length : {true, false}) {
    TestClient client = server_.client();
    const std::string body(40 << 20, 'x');  // more than HttpLimits::body_bytes and the buffers
    client.send(with_length ? "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                                  std::to_string(body.size()) + "\r\n\r\n"
                            : "POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "2800000\r\n");
    EXPECT_TRUE(client.send(body));  // many clients look for a reply only after that
    const Reply reply = client.reply();
    EXPECT_EQ(reply.status, 413);
    EXPECT_TRUE(reply.complete);
  }
}

TEST_F(HttpServerTest, ContinuesOnlyWhatItWillTake) {
  std::atomic<int> heads{0};
  server_.on_head = [&](const IncomingRequest& head) -> HeadVerdict {
    ++heads;
    if (head.header("x-name") == "stranger") return HttpReply{.status = 401};
    return BodyPlan{.body_bytes = 5};
  };
  server_.start();
  const auto expecting = [](const std::string& more) {
    return "POST /body HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n" + more + "\r\n";
  };
  TestClient client = server_.client();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client.ask(expecting("Content-Length: 5\r\n")).status, 100);
    EXPECT_EQ(client.ask("hello").body, "hello");
  }
  EXPECT_EQ(client.ask(expecting("Content-Length: 0\r\n")).status, 200);
  EXPECT_EQ(client.ask(expecting("Content-Length: 6\r\n")).status, 413);
  EXPECT_EQ(heads, 4);
  TestClient stranger = server_.client();
  const Reply reply = stranger.ask(expecting("X-Name: stranger\r\nContent-Length: 5\r\n"));
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.header("connection"), "close");  // the body will not be read
}

TEST_F(HttpServerTest, BodiesInMemoryHaveOneLimit) {
  server_.options.limits.bodies_bytes = 500'000;
  server_.start();
  const std::string body(200'000, 'x');  // its string has room for up to twice as much
  TestClient holding = server_.client(), next = server_.client();
  holding.send(post("/caught", body));
  auto exchange = server_.caught.take();
  ASSERT_TRUE(exchange);
  const Reply refused = next.ask(post("/body", std::string(400'000, 'y')));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("connection"), "close");
  EXPECT_EQ(server_.client().ask(post("/body", "small")).body, "small");
  exchange->reply({.body = "done"});
  EXPECT_EQ(holding.reply().body, "done");
  exchange.reset();
  // What was refused and what was answered is given back, whatever the times.
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(soon([&] { return server_.client().ask(post("/body", body)).status == 200; }));
  }
}

TEST_F(HttpServerTest, EveryReplyHasTheHeadersOfItsRequest) {
  server_.options.limits.body_bytes = 10;
  server_.on_reply_headers = [](const IncomingRequest& head) {
    return HttpFields{{"X-Of", head.path + '|' + std::string(head.header("x-name"))}};
  };
  server_.on_head = [](const IncomingRequest& head) -> HeadVerdict {
    if (head.path == "/refused") return HttpReply{.status = 401};
    return BodyPlan{};
  };
  server_.routes["/dropped"] = [](auto) {};
  server_.start();
  const struct {
    std::string request;
    int status;
    const char* of;
    const char* refused_path;
  } cases[] = {
      {get("/hello", "X-Name: a\r\n"), 200, "/hello|a", ""},
      {get("/stream", "X-Name: b\r\n"), 200, "/stream|b", ""},
      {get("/refused", "X-Name: c\r\n"), 401, "/refused|c", ""},
      {get("/dropped", "X-Name: d\r\n"), 500, "/dropped|d", "/dropped"},
      {post("/long", std::string(11, 'x'), "X-Name: e\r\n"), 413, "/long|e", "/long"},
      {get("/tea", "X-Name: f\r\nExpect: tea\r\n"), 417, "/tea|f", "/tea"},
      {"\x16\x03", 400, "|", ""},
  };
  for (const auto& c : cases) {
    TestClient client = server_.client();
    EXPECT_EQ(client.ask(get("/hello", "X-Name: before\r\n")).header("x-of"), "/hello|before");
    const Reply reply = client.ask(c.request);
    EXPECT_EQ(reply.status, c.status) << c.request;
    EXPECT_EQ(reply.header("x-of"), c.of);
    EXPECT_EQ(reply.header("x-path"), c.refused_path);
  }
}

TEST_F(HttpServerTest, ASinkTakesTheBodyOnAnotherThread) {
  std::string taken;
  std::thread::id sink_thread, head_thread;
  server_.on_head = [&](const IncomingRequest&) -> HeadVerdict {
    head_thread = std::this_thread::get_id();
    return BodyPlan{.body_bytes = 8 << 20, .sink = [&](std::string_view piece) {
                      sink_thread = std::this_thread::get_id();
                      taken += piece;
                    }};
  };
  server_.start();
  std::string body(5 << 20, ' ');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 3);
  TestClient client = server_.client();
  EXPECT_EQ(client.ask(post("/described", body)).body, "POST|/described||||127.0.0.1");
  EXPECT_TRUE(taken == body);
  EXPECT_NE(sink_thread, std::thread::id());
  EXPECT_NE(sink_thread, head_thread);
  EXPECT_EQ(client.ask(post("/body", "x") + get("/hello")).status, 200);
  EXPECT_EQ(client.reply().body, "hello\n");
}

TEST_F(HttpServerTest, WhatTookABodyIsHandedOverOrLetGo) {
  std::atomic<int> here = 0;          // bodies that somebody holds
  std::atomic<std::size_t> came = 0;  // bytes of all
  server_.on_head = [&](const IncomingRequest&) -> HeadVerdict {
    const std::shared_ptr<std::string> taken(new std::string, [&](std::string* text) {
      delete text;
      --here;
    });
    ++here;
    return BodyPlan{.sink =
                        [taken, &came](std::string_view piece) {
                          *taken += piece;
                          came += piece.size();
                        },
                    .taker = taken};
  };
  server_.routes["/taken"] = [&](auto exchange) {
    exchange->reply({.body = *std::static_pointer_cast<std::string>(exchange->request().taker)});
  };
  server_.start();
  TestClient client = server_.client();
  EXPECT_EQ(client.ask(post("/taken", "abc")).body, "abc");
  EXPECT_EQ(client.ask(get("/taken")).body, "");  // no body at all
  client.send("POST /taken HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
  for (int i = 0; i < 200 && came < 7; ++i) {  // abc and half
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ASSERT_EQ(here, 1);
  client.close();
  for (int i = 0; i < 200 && here > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(here, 0);
}

TEST_F(HttpServerTest, ASinkThatThrowsEndsTheRequest) {
  std::atomic<int> pieces{0}, requests{0};
  server_.on_head = [&](const IncomingRequest&) -> HeadVerdict {
    return BodyPlan{.sink = [&](std::string_view) {
      ++pieces;
      throw Error(ErrorCode::kResourceExhausted, "the disk is full.", "/secret/path");
    }};
  };
  server_.routes["/count"] = [&](auto exchange) {
    ++requests;
    exchange->reply({});
  };
  server_.start();
  TestClient client = server_.client();
  const Reply reply = client.ask(post("/count", std::string(1 << 20, 'x')));
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.body, "the disk is full.");
  EXPECT_TRUE(client.closed_within(2));
  EXPECT_EQ(pieces, 1);
  EXPECT_EQ(requests, 0);
}

TEST_F(HttpServerTest, SmallWritesBecomeOne) {
  server_.routes["/many"] = [](auto exchange) {
    exchange->begin(200, {});
    for (int i = 0; i < 1000; ++i) exchange->write("token ");
    exchange->end();
  };
  server_.start();
  const Reply reply = server_.client().ask(get("/many"));
  EXPECT_EQ(reply.body.size(), 6000u);
  EXPECT_EQ(reply.chunks, 1u);
  EXPECT_TRUE(reply.complete);
}

TEST_F(HttpServerTest, TwoThreadsWriteOneStream) {
  server_.start();
  TestClient client = server_.client();
  client.send(get("/caught"));
  const auto exchange = server_.caught.take();
  ASSERT_TRUE(exchange);
  exchange->begin(200, {});
  std::vector<std::thread> writers;
  for (const char letter : {'a', 'b'}) {
    writers.emplace_back([&exchange, letter] {
      for (int i = 0; i < 2000; ++i) exchange->write('<' + std::string(30, letter) + '>');
    });
  }
  for (std::thread& writer : writers) writer.join();
  exchange->end();
  const Reply reply = client.reply();
  ASSERT_TRUE(reply.complete);
  ASSERT_EQ(reply.body.size(), 4000u * 32);
  for (std::size_t at = 0; at < reply.body.size(); at += 32) {
    const std::string piece = reply.body.substr(at, 32);
    ASSERT_TRUE(piece == '<' + std::string(30, piece[1]) + '>') << piece;
  }
  EXPECT_EQ(std::count(reply.body.begin(), reply.body.end(), 'a'), 60000);
  EXPECT_EQ(client.ask(get("/hello")).body, "hello\n");
}

TEST_F(HttpServerTest, AStreamArrivesAsItIsWritten) {
  server_.start();
  TestClient client = server_.client();
  client.send(get("/caught"));
  const auto exchange = server_.caught.take();
  ASSERT_TRUE(exchange);
  exchange->begin(200, {});
  for (int i = 0; i < 20; ++i) {
    const std::string piece = "piece " + std::to_string(i) + ";";
    const auto start = Clock::now();
    EXPECT_EQ(exchange->write(piece), HttpExchange::Write::kOk);
    EXPECT_TRUE(client.read_until(piece));
    EXPECT_LT(seconds_since(start), 0.1);
    EXPECT_TRUE(soon([&] { return exchange->unsent_bytes() == 0; }, 1));
  }
  exchange->end();
  EXPECT_TRUE(client.reply().complete);
}

TEST_F(HttpServerTest, AnExchangeThatIsDroppedIsAnsweredOrCut) {
  server_.routes["/dropped"] = [](auto) {};
  server_.routes["/half"] = [](auto exchange) {
    exchange->begin(200, {});
    exchange->write("half");
  };
  server_.start();
  TestClient client = server_.client();
  EXPECT_EQ(client.ask(get("/dropped")).status, 500);
  EXPECT_TRUE(client.closed_within(1));
  EXPECT_EQ(server_.client().ask(get("/half")).status, 500);  // nothing of it was sent yet

  TestClient later = server_.client();
  later.send(get("/caught"));
  auto exchange = server_.caught.take();
  ASSERT_TRUE(exchange);
  exchange->begin(200, {});
  exchange->write("half");
  EXPECT_TRUE(later.read_until("half\r\n"));
  exchange.reset();
  const Reply half = later.reply();
  EXPECT_EQ(half.body, "half");
  EXPECT_FALSE(half.complete);
  EXPECT_TRUE(later.closed_within(1));
}

TEST_F(HttpServerTest, WhatComesAfterTheEndIsIgnored) {
  server_.routes["/twice"] = [](auto exchange) {
    exchange->reply({.body = "once"});
    exchange->reply({.body = "twice"});
    exchange->begin(500, {});
    exchange->write("more");
    exchange->end();
  };
  server_.start();
  TestClient client = server_.client();
  EXPECT_EQ(client.ask(get("/twice")).body, "once");
  EXPECT_EQ(client.ask(get("/hello")).body, "hello\n");
}

TEST_F(HttpServerTest, AnExchangeMayOutliveTheServer) {
  server_.start();
  TestClient client = server_.client();
  client.send(get("/caught"));
  const auto exchange = server_.caught.take();
  ASSERT_TRUE(exchange);
  server_.server.reset();
  EXPECT_TRUE(exchange->gone().cancelled());
  EXPECT_EQ(exchange->request().path, "/caught");
  exchange->begin(200, {});
  EXPECT_EQ(exchange->write("x"), HttpExchange::Write::kGone);
  exchange->end();
}

TEST_F(HttpServerTest, AHandlerThatThrowsLosesItsConnectionAlone) {
  server_.routes["/throws"] = [](auto) { throw std::runtime_error("a bug"); };
  server_.start();
  TestClient client = server_.client(), other = server_.client();
  EXPECT_EQ(other.ask(get("/hello")).status, 200);
  client.send(get("/throws"));
  EXPECT_TRUE(client.closed_within(1));
  EXPECT_EQ(other.ask(get("/hello")).status, 200);
}

}  // namespace
}  // namespace hearth
