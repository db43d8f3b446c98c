// The other side of the server's tests: a raw socket (TCP or Unix, plain or TLS) that sends exactly
// the bytes it is given, and a reader of replies that shares no code with the server. Blocking; one
// thread. Nothing waits longer than kPatience: what did not come is a reply with status 0.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "platform/file.h"

namespace hearth::http_test {

using Clock = std::chrono::steady_clock;
inline constexpr double kPatience = 5;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::size_t chunks = 0;  // but for the last, empty one
  bool complete = false;   // ended as its head had said it would

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

class TestClient {
 public:
  static int tcp_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

  static TestClient tcp(std::uint16_t port, int fd = tcp_socket(),
                        const std::string& host = "127.0.0.1") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    const int on = 1;  // what was sent is there when send() returns
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return TestClient(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }

  static TestClient unix_socket(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return TestClient(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                      reinterpret_cast<sockaddr*>(&address), sizeof address);
  }

  bool connected() const { return connected_; }
  int fd() const { return fd_.get(); }

  // False when the server refuses. Verifies no certificate: the server is the one of the test.
  bool start_tls(int version_max = TLS1_3_VERSION) {
    const timeval patience{static_cast<time_t>(kPatience), 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    context_.reset(::SSL_CTX_new(::TLS_client_method()));
    ::SSL_CTX_set_security_level(context_.get(), 0);  // else OpenSSL itself declines TLS 1.1
    ::SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    ::SSL_CTX_set_max_proto_version(context_.get(), version_max);
    tls_.reset(::SSL_new(context_.get()));
    ::SSL_set_fd(tls_.get(), fd());
    return ::SSL_connect(tls_.get()) == 1;
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent =
          tls_ ? ::SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
               : static_cast<int>(::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void send_byte_by_byte(std::string_view bytes) {
    for (const char& byte : bytes) send({&byte, 1});
  }

  // One reply; interim ones (100) have no body. `head_only`: asked with HEAD.
  Reply reply(bool head_only = false) {
    Reply out;
    if (!read_until("\r\n\r\n")) return out;
    parse_head(take(input_.find("\r\n\r\n") + 4), out);
    if (head_only || out.status < 200 || out.status == 204 || out.status == 304) {
      out.complete = true;
    } else if (!out.header("content-length").empty()) {
      const std::size_t bytes = std::stoul(out.header("content-length"));
      while (input_.size() < bytes && read_more(kPatience)) {
      }
      out.complete = input_.size() >= bytes;
      out.body = take(std::min(bytes, input_.size()));
    } else if (out.header("transfer-encoding") == "chunked") {
      read_chunks(out);
    } else {
      while (read_more(kPatience)) {
      }
      out.complete = closed_;
      out.body = take(input_.size());
    }
    return out;
  }

  Reply ask(std::string_view request) {
    send(request);
    return reply(request.starts_with("HEAD "));
  }

  // What came and was not taken yet, for at most so long, until it holds `wanted`.
  bool read_until(std::string_view wanted, double seconds = kPatience) {
    const auto start = Clock::now();
    while (input_.find(wanted) == std::string::npos) {
      const double left = seconds - seconds_since(start);
      if (left <= 0 || !read_more(left)) return input_.find(wanted) != std::string::npos;
    }
    return true;
  }

  // Whether the server closes (or resets) the connection in that time; bytes that come are kept.
  bool closed_within(double seconds) {
    const auto start = Clock::now();
    while (!closed_ && seconds_since(start) < seconds) read_more(seconds - seconds_since(start));
    return closed_;
  }

  const std::string& input() const { return input_; }

  void reset() {  // RST instead of FIN
    const linger at_once{1, 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }
  void close() {
    tls_.reset();
    fd_ = UniqueFd();
  }

 private:
  TestClient(int fd, const sockaddr* address, socklen_t bytes) : fd_(fd) {
    connected_ = ::connect(fd, address, bytes) == 0;
  }

  // False when nothing came in time, or nothing will.
  bool read_more(double seconds) {
    pollfd waiting{fd(), POLLIN, 0};
    const int milliseconds = static_cast<int>(seconds * 1000) + 1;
    const bool pending = tls_ && ::SSL_pending(tls_.get()) > 0;
    if (!pending && ::poll(&waiting, 1, milliseconds) <= 0) return false;
    char bytes[65536];
    const auto got = tls_ ? ::SSL_read(tls_.get(), bytes, sizeof bytes)
                          : static_cast<int>(::recv(fd(), bytes, sizeof bytes, 0));
    if (got <= 0) {
      closed_ = true;
      return false;
    }
    input_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  std::string take(std::size_t bytes) {
    std::string out = input_.substr(0, bytes);
    input_.erase(0, bytes);
    return out;
  }

  static void parse_head(const std::string& head, Reply& out) {
    out.status = std::stoi(head.substr(head.find(' ')));
    for (std::size_t at = head.find("\r\n") + 2; at + 2 < head.size();) {
      const std::size_t end = head.find("\r\n", at);
      const std::size_t colon = head.find(':', at);
      std::string name = head.substr(at, colon - at);
      std::transform(name.begin(), name.end(), name.begin(), ::tolower);
      EXPECT_FALSE(out.headers.contains(name)) << name << " came twice";
      out.headers[name] = head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
  }

  void read_chunks(Reply& out) {
    while (read_until("\r\n")) {
      const std::size_t line = input_.find("\r\n") + 2;
      const std::size_t bytes = std::stoul(input_, nullptr, 16);
      while (input_.size() < line + bytes + 2 && read_more(kPatience)) {
      }
      if (input_.size() < line + bytes + 2) return;
      out.body += input_.substr(line, bytes);
      EXPECT_EQ(input_.substr(line + bytes, 2), "\r\n");
      take(line + bytes + 2);
      if (bytes == 0) {
        out.complete = true;
        return;
      }
      ++out.chunks;
    }
  }

  struct Free {
    void operator()(SSL* tls) const { ::SSL_free(tls); }
    void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
  };
  UniqueFd fd_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> tls_;
  bool connected_ = false;
  bool closed_ = false;
  std::string input_;
};

}  // namespace hearth::http_test
