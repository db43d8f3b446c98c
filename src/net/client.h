// HttpClient: the only way out of this program (libcurl; certificates verified, the environment's
// proxies respected). What has a body is sent where it was meant for: no redirect takes it
// elsewhere. Other redirects are
// followed by hand: at most Options::redirects_max, never from https to http, each hop's address
// judged by the AddressPolicy; a credential is bound to the origin it was given for and never sent
// to another. Plain http is for loopback, or for an address the person spelled out. An answer in a
// content encoding we did not ask for is refused (no decompression, so no bombs). Owns nothing but
// its counters. Thread rule: get and document from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "net/address.h"
#include "net/url.h"

namespace hearth {

struct Credential {
  std::string origin;  // Url::origin() of the only place that may see it
  std::string bearer;
};

// A body that is read while it is sent.
struct HttpUpload {
  std::string content_type;
  std::uint64_t bytes = 0;
  // The next bytes, as many as fit, at least one; on the caller's thread. Throwing ends the
  // transfer and reaches the caller.
  std::function<std::size_t(std::span<std::byte> into)> read = {};
};

struct HttpRequest {
  Url url;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::optional<Credential> credential = {};
  bool plain_http_allowed = false;       // the person spelled http://
  std::optional<std::string> json = {};  // the body of a POST
  std::optional<HttpUpload> upload = {};
  std::string method = {};  // empty: GET, or POST of JSON, or PUT of an upload
};

struct HttpHead {
  int status = 0;
  Url url;                                          // of the last hop
  std::map<std::string, std::string> headers = {};  // names in lower case; the last one wins
  std::optional<std::uint64_t> content_bytes = {};  // Content-Length

  const std::string* header(const std::string& name) const;  // nullptr when there is none
};

// Called on the caller's thread; throwing ends the transfer and reaches the caller.
struct HttpReceiver {
  std::function<void(const HttpHead&)> head;  // once, before the body of the last hop
  std::function<void(std::span<const std::byte>)> body;
};

struct HttpDocument {
  HttpHead head;
  std::string body;
};

// What left for a host and what came back, bodies and headers.
struct Egress {
  std::uint64_t requests = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
};

class HttpClient {
 public:
  struct Options {
    int redirects_max = 5;
    std::chrono::seconds connect_timeout{20};
    std::chrono::seconds stall_timeout{45};     // without a byte
    std::chrono::seconds document_timeout{60};  // for the whole of document()
    AddressPolicy address_policy = outward_only;
    std::string user_agent = "hearth/0.1";
  };

  explicit HttpClient(Options options) : options_(std::move(options)) {}

  // Any status reaches the receiver; 3xx with a Location does not, it is followed.
  // Errors: kUnavailable (no connection, stalled, closed early), kPermissionDenied (a policy
  // above), kCancelled.
  void get(const HttpRequest& request, const HttpReceiver& receiver, const CancelToken* cancel);
  // A whole small answer with a status below 300; otherwise throws as throw_status does.
  // More than bytes_max is kCorruptData.
  HttpDocument document(const HttpRequest& request, std::uint64_t bytes_max,
                        const CancelToken* cancel);

  std::map<std::string, Egress> egress() const;  // by host

 private:
  struct Transfer;
  void perform(Transfer& transfer, std::chrono::seconds limit);
  void follow(const HttpRequest& request, const HttpReceiver& receiver, const CancelToken* cancel,
              std::chrono::seconds limit);

  Options options_;
  mutable std::mutex mutex_;
  std::map<std::string, Egress> egress_;  // guarded by mutex_
};

// Whether a TCP connection to a loopback address is taken, at once; false for any other address.
// Nothing is sent.
bool loopback_listens(const Url& url) noexcept;

// 401, 403: kPermissionDenied; 404, 410: kNotFound; 408, 429, 5xx: kUnavailable; others
// kCorruptData.
[[noreturn]] void throw_status(const HttpHead& head);

}  // namespace hearth
