// Where the server listens: addresses, Unix sockets and their files, TLS.
#include "http/listener.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "http/test_server.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;
using namespace http_test;

// The Error that `call` throws; kInternal and nothing when it throws none.
template <typename Call>
Error error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return Error(ErrorCode::kInternal, "");
}

struct KeyPair {
  explicit KeyPair(const TestFolder& folder, const std::string& name)
      : cert(folder / (name + ".pem")), key(folder / (name + ".key")) {
    EVP_PKEY* const pair = ::EVP_EC_gen("P-256");
    X509* const x509 = ::X509_new();
    ::ASN1_INTEGER_set(::X509_get_serialNumber(x509), 1);
    ::X509_gmtime_adj(::X509_getm_notBefore(x509), 0);
    ::X509_gmtime_adj(::X509_getm_notAfter(x509), 3600);
    ::X509_set_pubkey(x509, pair);
    ::X509_sign(x509, pair, ::EVP_sha256());
    BIO* file = ::BIO_new_file(cert.c_str(), "w");
    ::PEM_write_bio_X509(file, x509);
    ::BIO_free(file);
    file = ::BIO_new_file(key.c_str(), "w");
    ::PEM_write_bio_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
    ::BIO_free(file);
    ::X509_free(x509);
    ::EVP_PKEY_free(pair);
  }
  fs::path cert, key;
};

class ListenerTest : public testing::Test {
 protected:
  void start_with_tls() {
    const KeyPair pair(folder_, "server");
    server_.options.tls_cert = pair.cert;
    server_.options.tls_key = pair.key;
    server_.start();
  }

  TestFolder folder_;
  TestServer server_;
};

TEST_F(ListenerTest, TellsWhoTakesAnAddress) {
  const Listener first = Listener::tcp({"127.0.0.1", 0});
  EXPECT_GT(first.endpoint().port, 0);
  const Error taken = error_of([&] { Listener::tcp(first.endpoint()); });
  EXPECT_EQ(taken.code(), ErrorCode::kUnavailable);
  EXPECT_NE(taken.message().find("sport = :" + std::to_string(first.endpoint().port)),
            std::string::npos);
  for (const char* address : {"", "localhost", "127.0.0.1:80", "256.0.0.1", "[::1]", "192.0.2.1"}) {
    EXPECT_EQ(error_of([&] { Listener::tcp({address, 0}); }).code(), ErrorCode::kInvalidArgument)
        << address;
  }
}

TEST_F(ListenerTest, ServesIpv6) {
  server_.options.tcp = {{"::1", 0}, {"127.0.0.1", 0}};
  server_.start();
  const auto endpoints = server_.server->endpoints();
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_EQ(endpoints[0].address, "::1");
  EXPECT_EQ(TestClient::tcp(endpoints[1].port).ask(get("/hello")).status, 200);
}

TEST_F(ListenerTest, AUnixSocketIsOursAlone) {
  const fs::path path = folder_ / "socket";
  server_.options.unix_socket = path;
  server_.routes["/local"] = [](auto exchange) {
    const IncomingRequest& request = exchange->request();
    exchange->reply(
        {.body = request.local && !request.secure && request.peer.empty() ? "yes" : ""});
  };
  const mode_t old_mask = ::umask(0);
  server_.start();
  ::umask(old_mask);
  struct stat status{};
  ASSERT_EQ(::lstat(path.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(TestClient::unix_socket(path).ask(get("/local")).body, "yes");

  const Error live = error_of([&] { Listener::unix_socket(path); });
  EXPECT_EQ(live.code(), ErrorCode::kUnavailable);
  EXPECT_EQ(TestClient::unix_socket(path).ask(get("/local")).body, "yes");  // still there
  server_.server->stop(0);
  EXPECT_FALSE(fs::exists(fs::symlink_status(path)));
  EXPECT_FALSE(fs::exists(path.string() + ".lock"));
}

TEST_F(ListenerTest, ADeadSocketIsReplacedAndNothingElse) {
  const fs::path dead = folder_ / "dead", file = folder_ / "file", link = folder_ / "link";
  {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, dead.c_str());
    const UniqueFd left(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(left.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(fs::is_socket(dead));
  {
    const Listener replaced = Listener::unix_socket(dead);
    EXPECT_TRUE(TestClient::unix_socket(dead).connected());
  }
  EXPECT_FALSE(fs::exists(dead));

  std::ofstream(file) << "a person's";
  fs::create_symlink(file, link);
  for (const fs::path& path : {file, link}) {
    EXPECT_EQ(error_of([&] { Listener::unix_socket(path); }).code(), ErrorCode::kInvalidArgument);
    EXPECT_TRUE(fs::exists(fs::symlink_status(path)));
  }
  EXPECT_EQ(fs::file_size(file), 10u);
  EXPECT_EQ(error_of([&] { Listener::unix_socket(folder_ / std::string(120, 'x')); }).code(),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([&] { Listener::unix_socket(folder_ / "no" / "socket"); }).code(),
            ErrorCode::kNotFound);
}

TEST_F(ListenerTest, WhatTookTheNameSinceStays) {
  const fs::path path = folder_ / "socket";
  {
    const Listener listener = Listener::unix_socket(path);
    fs::remove(path);
    std::ofstream(path) << "another's";
  }
  EXPECT_TRUE(fs::is_regular_file(path));
}

TEST_F(ListenerTest, ServesTls) {
  server_.routes["/secure"] = [](auto exchange) {
    exchange->reply({.body = exchange->request().secure ? "yes" : "no"});
  };
  start_with_tls();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TestClient client = server_.client();
    ASSERT_TRUE(client.start_tls(version));
    EXPECT_EQ(client.ask(get("/secure")).body, "yes");
    // More than records and buffers hold, both ways.
    const std::string body(3 << 20, 'b');
    EXPECT_TRUE(client.ask(post("/body", body)).body == body);
    client.send_byte_by_byte(get("/secure"));
    EXPECT_EQ(client.reply().body, "yes");
    EXPECT_EQ(client.ask(get("/hello", "Connection: close\r\n")).body, "hello\n");
    EXPECT_TRUE(client.closed_within(1));
  }
}

TEST_F(ListenerTest, RefusesWhatIsNoTls) {
  server_.options.limits.header_seconds = 0.3;
  start_with_tls();
  TestClient old = server_.client();
  EXPECT_FALSE(old.start_tls(TLS1_1_VERSION));
  TestClient plain = server_.client();
  plain.send(get("/hello"));
  EXPECT_TRUE(plain.closed_within(1));
  EXPECT_EQ(plain.input().find("HTTP"), std::string::npos);
  // A handshake that does not end: nothing at all, and the beginning of one.
  const auto start = Clock::now();
  TestClient silent = server_.client(), slow = server_.client();
  slow.send("\x16\x03\x01\x02");
  EXPECT_TRUE(silent.closed_within(1));
  EXPECT_TRUE(slow.closed_within(1));
  EXPECT_GT(seconds_since(start), 0.25);
  EXPECT_LT(seconds_since(start), 1);
}

// Keeps the I/O thread from everything else until it is let go.
class HeldThread {
 public:
  explicit HeldThread(TestServer& server) {
    server.routes["/held"] = [this](auto exchange) {
      entered_.set_value();
      left_.get_future().wait();
      exchange->reply({});
    };
  }
  void hold(TestClient& client) {
    client.send(get("/held"));
    entered_.get_future().wait();
  }
  void let_go() { left_.set_value(); }

 private:
  std::promise<void> entered_, left_;
};

TEST_F(ListenerTest, ATlsRecordThatIsReadInPartIsNotForgotten) {
  HeldThread io_thread(server_);
  start_with_tls();
  TestClient client = server_.client(), holder = server_.client();
  ASSERT_TRUE(client.start_tls() && holder.start_tls());
  EXPECT_EQ(client.ask(get("/hello")).status, 200);
  io_thread.hold(holder);
  // All of it is there when it is read. Records of 10,000 bytes end behind the read buffer, and the
  // socket has nothing more then.
  const std::string request = post("/body", std::string(69'000, 'b'));
  for (std::size_t at = 0; at < request.size(); at += 10'000)
    client.send(request.substr(at, 10'000));
  io_thread.let_go();
  EXPECT_EQ(client.reply().body.size(), 69'000u);
}

TEST_F(ListenerTest, WritingToATlsClientThatHasGoneEndsNoProcess) {
  HeldThread io_thread(server_);
  start_with_tls();
  TestClient client = server_.client(), holder = server_.client();
  ASSERT_TRUE(client.start_tls() && holder.start_tls());
  client.send(get("/caught"));
  const auto exchange = server_.caught.take();
  ASSERT_TRUE(exchange);
  exchange->begin(200, {});
  EXPECT_TRUE(client.read_until("\r\n\r\n"));
  io_thread.hold(holder);
  // A close, then a reset: the next write fails with EPIPE, and it comes before the next read.
  ::shutdown(client.fd(), SHUT_WR);
  client.reset();
  exchange->write("x");
  io_thread.let_go();
  EXPECT_TRUE(soon([&] { return exchange->gone().cancelled(); }));
  EXPECT_EQ(holder.reply().status, 200);
}

TEST_F(ListenerTest, SaysWhatIsWrongWithACertificate) {
  const KeyPair one(folder_, "one"), other(folder_, "other");
  std::ofstream(folder_ / "junk") << "junk";
  const auto start = [&](const fs::path& cert, const fs::path& key) {
    server_.options.tls_cert = cert;
    server_.options.tls_key = key;
    return error_of([&] { server_.start(); });
  };
  for (const auto& [cert, key] :
       std::vector<std::pair<fs::path, fs::path>>{{folder_ / "missing", one.key},
                                                  {folder_ / "junk", one.key},
                                                  {one.cert, folder_ / "junk"},
                                                  {one.cert, other.key},
                                                  {one.cert, fs::path()}}) {
    EXPECT_EQ(start(cert, key).code(), ErrorCode::kInvalidArgument) << cert << ' ' << key;
  }
  EXPECT_NE(start(one.cert, other.key).message().find("other.key"), std::string::npos);
}

}  // namespace
}  // namespace hearth
