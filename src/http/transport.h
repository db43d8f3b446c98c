// Bytes in and out of a connected, non-blocking socket, plain or by TLS. Never waits: says what to
// wait for. TlsContext owns certificate and key; Transport borrows the socket and owns the TLS
// session, which is made when the first byte has come, so that a silent client costs nothing.
// One thread (the I/O thread), which must block SIGPIPE: OpenSSL writes without MSG_NOSIGNAL.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace hearth {

class TlsContext {
 public:
  // TLS 1.2 and up, HTTP/1.1. kInvalidArgument when a file does not load or they do not match.
  TlsContext(const std::filesystem::path& certificate, const std::filesystem::path& key);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ssl_ctx_st* get() const noexcept { return context_; }

 private:
  void load(const std::filesystem::path& certificate, const std::filesystem::path& key);
  ssl_ctx_st* context_;
};

enum class IoStatus { kDone, kWantRead, kWantWrite, kClosed };

struct IoResult {
  IoStatus status;
  std::size_t bytes = 0;  // with kDone: more than none
};

class Transport {
 public:
  // `tls` may be null: plain. Both outlive this object.
  Transport(int fd, const TlsContext* tls) noexcept : fd_(fd), tls_(tls) {}
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  bool secure() const noexcept { return tls_ != nullptr; }
  // kDone (without bytes) when TLS stands; at once for a plain socket.
  IoResult handshake() noexcept;
  // A full `into` may leave bytes behind that no readiness of the socket will tell of: read again.
  IoResult read(std::span<char> into) noexcept;
  IoResult write(std::string_view bytes) noexcept;
  // Says that nothing more will come.
  void shut_writing() noexcept;

 private:
  IoResult read_tls(std::span<char> into) noexcept;
  IoStatus status_of(int result) noexcept;

  const int fd_;
  const TlsContext* tls_;
  ssl_st* session_ = nullptr;
  bool broken_ = false;  // the session met an error after which nothing may be called
};

}  // namespace hearth
