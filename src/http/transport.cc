#include "http/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "base/error.h"

namespace hearth {
namespace {

std::string last_tls_reason() {
  const char* reason = ::ERR_reason_error_string(::ERR_get_error());
  ::ERR_clear_error();
  return reason ? reason : "no reason given";
}

// Without it OpenSSL would ask for an encrypted key's password on the terminal.
int no_password(char*, int, int, void*) { return -1; }

// HTTP/1.1 or nothing: a client that speaks HTTP/2 alone learns it here.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_bytes,
                    const unsigned char* in, unsigned in_bytes, void*) {
  static constexpr unsigned char kOurs[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  if (::SSL_select_next_proto(&chosen, out_bytes, kOurs, sizeof kOurs, in, in_bytes) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

IoStatus status_of_errno(IoStatus if_blocked) noexcept {
  const bool again = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  return again ? if_blocked : IoStatus::kClosed;
}

}  // namespace

TlsContext::TlsContext(const std::filesystem::path& certificate, const std::filesystem::path& key)
    : context_(::SSL_CTX_new(::TLS_server_method())) {
  if (!context_) throw Error(ErrorCode::kInternal, "cannot set up TLS: " + last_tls_reason());
  try {
    load(certificate, key);
  } catch (...) {
    ::SSL_CTX_free(context_);
    throw;
  }
}

void TlsContext::load(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  ::SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
  ::SSL_CTX_set_options(
      context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  ::SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_alpn_select_cb(context_, choose_protocol, nullptr);
  ::SSL_CTX_set_default_passwd_cb(context_, no_password);
  if (::SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) != 1) {
    throw Error(ErrorCode::kInvalidArgument, "cannot load the TLS certificate '" +
                                                 certificate.string() + "': " + last_tls_reason() +
                                                 "; it wants a PEM file, the server's first");
  }
  if (::SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ::SSL_CTX_check_private_key(context_) != 1) {
    throw Error(ErrorCode::kInvalidArgument,
                "cannot load the TLS key '" + key.string() + "': " + last_tls_reason() +
                    "; it wants the certificate's key as PEM, without a password");
  }
}

TlsContext::~TlsContext() { ::SSL_CTX_free(context_); }

Transport::~Transport() { ::SSL_free(session_); }

IoStatus Transport::status_of(int result) noexcept {
  switch (::SSL_get_error(session_, result)) {
    case SSL_ERROR_WANT_READ: return IoStatus::kWantRead;
    case SSL_ERROR_WANT_WRITE: return IoStatus::kWantWrite;
    case SSL_ERROR_ZERO_RETURN: return IoStatus::kClosed;
    default: broken_ = true; return IoStatus::kClosed;
  }
}

IoResult Transport::handshake() noexcept {
  if (!tls_) return {IoStatus::kDone};
  if (!session_) {
    char first;
    if (::recv(fd_, &first, 1, MSG_PEEK) < 0) return {status_of_errno(IoStatus::kWantRead)};
    session_ = ::SSL_new(tls_->get());
    if (!session_ || ::SSL_set_fd(session_, fd_) != 1) return {IoStatus::kClosed};
  }
  ::ERR_clear_error();
  const int result = ::SSL_accept(session_);
  return {result == 1 ? IoStatus::kDone : status_of(result)};
}

IoResult Transport::read(std::span<char> into) noexcept {
  if (tls_) return read_tls(into);
  const auto got = ::recv(fd_, into.data(), into.size(), 0);
  if (got > 0) return {IoStatus::kDone, static_cast<std::size_t>(got)};
  return {got == 0 ? IoStatus::kClosed : status_of_errno(IoStatus::kWantRead)};
}

// A record at a time, until the socket is empty or `into` is full.
IoResult Transport::read_tls(std::span<char> into) noexcept {
  std::size_t total = 0;
  while (!broken_ && total < into.size()) {
    ::ERR_clear_error();
    std::size_t got = 0;
    const int result = ::SSL_read_ex(session_, into.data() + total, into.size() - total, &got);
    if (result == 1) {
      total += got;
      continue;
    }
    const IoStatus status = status_of(result);
    return total > 0 ? IoResult{IoStatus::kDone, total} : IoResult{status};
  }
  return total > 0 ? IoResult{IoStatus::kDone, total} : IoResult{IoStatus::kClosed};
}

IoResult Transport::write(std::string_view bytes) noexcept {
  if (!tls_) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return {IoStatus::kDone, static_cast<std::size_t>(sent)};
    return {status_of_errno(IoStatus::kWantWrite)};
  }
  if (broken_) return {IoStatus::kClosed};
  ::ERR_clear_error();
  std::size_t sent = 0;
  const int result = ::SSL_write_ex(session_, bytes.data(), bytes.size(), &sent);
  if (result == 1) return {IoStatus::kDone, sent};
  return {status_of(result)};
}

void Transport::shut_writing() noexcept {
  if (session_ && !broken_ && ::SSL_is_init_finished(session_)) {
    ::ERR_clear_error();
    ::SSL_shutdown(session_);
  }
  ::shutdown(fd_, SHUT_WR);
}

}  // namespace hearth
