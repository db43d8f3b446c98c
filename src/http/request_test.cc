#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/request_reader.h"
#include "http/request_target.h"

namespace hearth {
namespace {

using Progress = RequestReader::Progress;
constexpr std::size_t kHeaderBytesMax = 1024;
constexpr std::size_t kBodyBytesMax = 64;

struct Outcome {
  int refused = 0;
  IncomingRequest request;
  std::string rest;  // behind the request
  bool keep_alive = false;
  bool complete = false;
};

// Reads one request that comes in pieces of `piece_bytes`.
Outcome read(std::string_view bytes, std::size_t piece_bytes = std::string::npos) {
  RequestReader reader(kHeaderBytesMax);
  Outcome out;
  std::string waiting;
  while (!bytes.empty() && !out.complete && out.refused == 0) {
    waiting += bytes.substr(0, piece_bytes);
    bytes.remove_prefix(std::min(piece_bytes, bytes.size()));
    std::string_view left = waiting;
    Progress progress = reader.feed(left);
    if (progress == Progress::kHead && reader.has_body()) {
      progress = reader.begin_body(kBodyBytesMax);
      if (progress == Progress::kMore) progress = reader.feed(left);
    }
    waiting = std::string(left);
    if (progress == Progress::kMore) {
      EXPECT_EQ(waiting, "");
    }
    if (progress == Progress::kRefused) out.refused = reader.refusal().status;
    out.complete = progress == Progress::kHead || progress == Progress::kDone;
  }
  out.rest = waiting + std::string(bytes);
  out.keep_alive = out.complete && reader.keep_alive();
  out.request = std::move(reader.request());
  return out;
}

TEST(RequestTarget, DecodesPathAndQuery) {
  const auto target = parse_request_target("/v1/a%2Fb/%C3%A9+%20?x=1&y=a+b%26c&&z&=v&x=2");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/v1/a/b/\xC3\xA9+ ");
  const HttpFields wanted = {{"x", "1"}, {"y", "a b&c"}, {"z", ""}, {"", "v"}, {"x", "2"}};
  EXPECT_EQ(target->query, wanted);
  EXPECT_EQ(target->authority, "");
}

TEST(RequestTarget, TakesAbsoluteAddresses) {
  EXPECT_EQ(parse_request_target("http://Host:80/a?b=c")->authority, "Host:80");
  EXPECT_EQ(parse_request_target("http://host:80/a?b=c")->path, "/a");
  EXPECT_EQ(parse_request_target("https://host")->path, "/");
  EXPECT_EQ(parse_request_target("http://host?q=1")->query.size(), 1u);
}

TEST(RequestTarget, RefusesWhatIsNoCleanPath) {
  for (const char* target :
       {"",          "*",         "host:80", "a",         "//\x01",       "/a#b",
        "/a b",      "/\xC3\xA9", "/%",      "/%4",       "/%4g",         "/%C3",
        "/%00",      "/%0A",      "/%7F",    "/%C2%80",   "/%C2%9F",      "/%ED%A0%80",
        "/..",       "/../",      "/a/..",   "/a/../b",   "/./a",         "/a/.",
        "/%2e%2E/b", "/a%2F..",   "/.%2e",   "?a",        "/a?b=%",       "/a?%ff=b",
        "http://",   "http:///a", "http:/a", "ftp://h/a", "http://h/../a"}) {
    EXPECT_FALSE(parse_request_target(target)) << target;
  }
  for (const char* target : {"/", "//", "/...", "/a..b", "/.a", "/a/.../b", "/%C2%A0", "/a%2Eb"}) {
    EXPECT_TRUE(parse_request_target(target)) << target;
  }
}

TEST(RequestReader, IsTheSameHoweverTheBytesAreSplit) {
  const std::string head =
      "\r\n\r\nPOST /a?b=c HTTP/1.1\r\nHost: h\r\nX-Long:  a value\t \r\nx-EMPTY:\r\n";
  const std::vector<std::string> requests = {
      head + "\r\n", head + "Content-Length: 5\r\n\r\nhello",
      head + "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      head +
          "Transfer-Encoding: chunked\r\n\r\n002;a=\"b\"\r\nhe\r\n3 \r\nllo\r\n0\r\nHost: "
          "evil\r\nX: y\r\n\r\n"};
  for (const std::string& request : requests) {
    for (std::size_t piece = 1; piece <= request.size() + 4; ++piece) {
      const Outcome out = read(request + "GET ", piece);
      ASSERT_TRUE(out.complete) << request << " in pieces of " << piece;
      EXPECT_EQ(out.rest, "GET ");
      EXPECT_EQ(out.request.method, "POST");
      EXPECT_EQ(out.request.path, "/a");
      EXPECT_EQ(out.request.header("host"), "h");
      EXPECT_EQ(out.request.header("x-long"), "a value");
      EXPECT_EQ(out.request.header("x"), "");  // a trailer is not a header
      EXPECT_EQ(out.request.body, request == requests[0] ? "" : "hello");
      EXPECT_TRUE(out.keep_alive);
    }
  }
}

struct Case {
  int status;  // 0: taken
  std::string bytes;
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::string::npos}) {
      const Outcome out = read(one.bytes, piece);
      EXPECT_EQ(out.refused, one.status) << one.bytes << "\nin pieces of " << piece;
      EXPECT_EQ(out.complete, one.status == 0) << one.bytes;
    }
  }
}

TEST(RequestReader, RefusesBadHeads) {
  const std::string host = "Host: h\r\n";
  expect_all({
      {0, "GET / HTTP/1.1\r\n" + host + "\r\n"},
      {0, "BREW /pot HTTP/1.1\r\n" + host + "\r\n"},
      {0, "GET / HTTP/1.0\r\n\r\n"},
      {0, "GET http://H/a HTTP/1.1\r\n" + host + "\r\n"},
      {400, "GET http://evil/a HTTP/1.1\r\n" + host + "\r\n"},
      {400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {400, "\x16\x03\x01\x02"},
      {400, " GET / HTTP/1.1\r\n" + host + "\r\n"},
      {400, "GET / HTTP/1.1\n" + host + "\n\r\n\r\n"},
      {400, "GET / HTTP/1.1\r" + host + "\r\n\r\n"},
      {400, "GET /\r\n\r\n"},
      {400, "GET  / HTTP/1.1\r\n" + host + "\r\n"},
      {400, "GET / HTTP/1.1 \r\n" + host + "\r\n"},
      {400, "GET / HTTP/1.2\r\n" + host + "\r\n"},
      {400, "GET / HTTP/3\r\n" + host + "\r\n"},
      {400, "GET / http/1.1\r\n" + host + "\r\n"},
      {400, "G{T / HTTP/1.1\r\n" + host + "\r\n"},
      {400, "GET * HTTP/1.1\r\n" + host + "\r\n"},
      {400, "CONNECT h:80 HTTP/1.1\r\n" + host + "\r\n"},
      {400, "GET /a/../b HTTP/1.1\r\n" + host + "\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + host + "\r\n"},
      {400, "GET / HTTP/1.0\r\n" + host + host + "\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + "A: b\r\n c\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + "A : b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + ": b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + "A\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + "A: b\x01\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + "A: b\nC: d\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + std::string("A: \0b\r\n\r\n", 9)},
      {417, "GET / HTTP/1.1\r\n" + host + "Expect: tea\r\n\r\n"},
      {417, "GET / HTTP/1.1\r\n" + host + "Expect: 100-continue, tea\r\n\r\n"},
      {0, "GET / HTTP/1.0\r\nExpect: tea\r\n\r\n"},
  });
}

TEST(RequestReader, RefusesFramingThatCanBeReadInTwoWays) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n";
  expect_all({
      {0, head + "Content-Length: 0\r\n\r\n"},
      {0, head + "Content-Length: 0003\r\n\r\nabc"},
      {400, head + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"},
      {400, head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\na"},
      {400, head + "Content-Length: 1, 1\r\n\r\na"},
      {400, head + "Content-Length: +1\r\n\r\na"},
      {400, head + "Content-Length: -1\r\n\r\na"},
      {400, head + "Content-Length: 0x1\r\n\r\na"},
      {400, head + "Content-Length: 1 1\r\n\r\na"},
      {400, head + "Content-Length:\r\n\r\na"},
      {400, head + "Content-Length: 18446744073709551617\r\n\r\na"},
      {400, chunked + "Content-Length: 1\r\n\r\n0\r\n\r\n"},
      {400, head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {400, chunked + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {400, head + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
      {400, head + "Transfer-Encoding: gzip\r\n\r\n"},
      {400, head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
      {400, head + "Transfer-Encoding: identity\r\n\r\n"},
      {400, head + "Transfer-Encoding: \x0b"
                   "chunked\r\n\r\n0\r\n\r\n"},
      {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {400, chunked + "\r\n\r\n"},
      {400, chunked + "\r\n;a\r\n"},
      {400, chunked + "\r\n1\na"},
      {400, chunked + "\r\n0x1\r\na\r\n"},
      {400, chunked + "\r\n-1\r\na\r\n"},
      {400, chunked + "\r\n1\r\nab\r\n"},
      {400, chunked + "\r\n1\r\na\n0\r\n\r\n"},
      {400, chunked + "\r\n1;a\x01\r\na\r\n"},
      {400, chunked + "\r\n1;a\rb\r\na\r\n"},
      {400, chunked + "\r\n0\r\nA: b\n\r\n"},
      {400, chunked + "\r\n0\r\n\rx"},
  });
}

TEST(RequestReader, HoldsItsLimits) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  const auto padded = [&](std::size_t bytes) {
    return head + "A: " + std::string(bytes - head.size() - 7, 'x') + "\r\n\r\n";
  };
  ASSERT_EQ(padded(kHeaderBytesMax).size(), kHeaderBytesMax);
  const std::string sixteen = "10\r\n0123456789abcdef\r\n";
  const std::string full = sixteen + sixteen + sixteen + sixteen;  // kBodyBytesMax
  expect_all({
      {0, padded(kHeaderBytesMax)},
      {431, padded(kHeaderBytesMax + 1)},
      {431, "GET /" + std::string(2 * kHeaderBytesMax, 'a')},
      {0, head + "Content-Length: 64\r\n\r\n" + std::string(64, 'x')},
      {413, head + "Content-Length: 65\r\n\r\n"},
      {413, head + "Content-Length: 18446744073709551615\r\n\r\n"},
      {0, chunked + full + "0\r\n\r\n"},
      {413, chunked + full + "1\r\n"},
      {413, chunked + "41\r\n"},
      {413, chunked + "ffffffffffffffff\r\n"},
      {413, chunked + "10000000000000000\r\n"},
      {400, chunked + "1;" + std::string(kHeaderBytesMax, 'e')},
      {400, chunked + std::string(kHeaderBytesMax + 1, '0')},
      {400, chunked + "0\r\n" + std::string(kHeaderBytesMax + 1, 't')},
  });
}

TEST(RequestReader, KnowsWhetherToKeepTheConnection) {
  const std::string new_one = "GET / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_TRUE(read(new_one + "\r\n").keep_alive);
  EXPECT_FALSE(read(new_one + "Connection: x, Close\r\n\r\n").keep_alive);
  EXPECT_FALSE(read("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
}

}  // namespace
}  // namespace hearth
