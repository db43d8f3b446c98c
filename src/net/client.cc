#include "net/client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <memory>

#include "base/check.h"
#include "base/error.h"

namespace hearth {
namespace {

// All header lines of one answer; libcurl bounds one line (100 KiB), not their number.
constexpr std::size_t kHeaderBytesMax = 256 * 1024;
// libcurl's largest receive buffer is 512 KiB; 128 KiB loses little to calls and keeps progress
// fresh.
constexpr long kReceiveBytes = 128 * 1024;

struct EasyHandle {
  CURL* curl = curl_easy_init();
  curl_slist* headers = nullptr;
  EasyHandle() { CHECK(curl != nullptr); }
  EasyHandle(const EasyHandle&) = delete;
  EasyHandle& operator=(const EasyHandle&) = delete;
  ~EasyHandle() {
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
  }

  template <typename T>
  void set(CURLoption option, T value) {
    CHECK(curl_easy_setopt(curl, option, value) == CURLE_OK);
  }
  void add_header(const std::string& line) { headers = curl_slist_append(headers, line.c_str()); }
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return result;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool is_redirect(int status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

// One hop: what libcurl's callbacks need. An exception must not cross libcurl's frames: it waits
// here.
struct HttpClient::Transfer {
  const HttpRequest& request;
  const HttpReceiver& receiver;
  const CancelToken* cancel;
  const AddressPolicy& policy;
  HttpHead head;
  bool redirected = false;
  std::optional<AddressScope>& first_scope;
  std::chrono::seconds stall_timeout;
  std::chrono::steady_clock::time_point last_byte = std::chrono::steady_clock::now();
  std::size_t header_bytes = 0;
  std::uint64_t bytes_uploaded = 0;
  bool body_begun = false;
  bool address_refused = false;
  std::exception_ptr failure = nullptr;

  bool leads_elsewhere() const {
    return is_redirect(head.status) && head.header("location") != nullptr;
  }
  void take_header_line(std::string_view line);
  void begin_body();

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_upload(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
  static curl_socket_t on_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
};

const std::string* HttpHead::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? nullptr : &found->second;
}

void HttpClient::Transfer::take_header_line(std::string_view line) {
  if (line.starts_with(
          "HTTP/")) {  // a new status line follows an interim (1xx) or a proxy's answer
    head.headers.clear();
    head.content_bytes.reset();
    const auto blank = line.find(' ');
    if (blank != std::string_view::npos) {
      const std::string_view digits = line.substr(blank + 1, 3);
      std::from_chars(digits.data(), digits.data() + digits.size(), head.status);
    }
    return;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  head.headers[lower(trim(line.substr(0, colon)))] = trim(line.substr(colon + 1));
}

void HttpClient::Transfer::begin_body() {
  if (body_begun) return;
  body_begun = true;
  if (const std::string* length = head.header("content-length")) {
    std::uint64_t bytes = 0;
    const auto [end, error] =
        std::from_chars(length->data(), length->data() + length->size(), bytes);
    if (error == std::errc() && end == length->data() + length->size()) head.content_bytes = bytes;
  }
  if (leads_elsewhere()) return;
  const std::string* encoding = head.header("content-encoding");
  if (encoding != nullptr && !encoding->empty() && lower(*encoding) != "identity") {
    throw Error(ErrorCode::kCorruptData,
                "the server at " + head.url.host() + " sent a compressed answer nobody asked for");
  }
  receiver.head(head);
}

std::size_t HttpClient::Transfer::on_header(char* data, std::size_t, std::size_t count,
                                            void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.last_byte = std::chrono::steady_clock::now();
  transfer.header_bytes += count;
  try {
    if (transfer.header_bytes > kHeaderBytesMax) {
      throw Error(ErrorCode::kCorruptData, "the server at " + transfer.head.url.host() +
                                               " sent more than 256 KiB of headers");
    }
    transfer.take_header_line({data, count});
    return count;
  } catch (...) {
    transfer.failure = std::current_exception();
    return 0;
  }
}

std::size_t HttpClient::Transfer::on_body(char* data, std::size_t, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  try {
    transfer.begin_body();
    if (transfer.leads_elsewhere()) return 0;  // a redirect's body is not read
    transfer.receiver.body(std::as_bytes(std::span(data, count)));
    transfer.last_byte = std::chrono::steady_clock::now();
    return count;
  } catch (...) {
    transfer.failure = std::current_exception();
    return 0;
  }
}

std::size_t HttpClient::Transfer::on_upload(char* data, std::size_t size, std::size_t count,
                                            void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const HttpUpload& upload = *transfer.request.upload;
  try {
    const std::size_t room =
        std::min<std::uint64_t>(size * count, upload.bytes - transfer.bytes_uploaded);
    if (room == 0) return 0;
    const std::size_t got = upload.read(std::as_writable_bytes(std::span(data, room)));
    transfer.bytes_uploaded += got;
    transfer.last_byte = std::chrono::steady_clock::now();
    return got;
  } catch (...) {
    transfer.failure = std::current_exception();
    return CURL_READFUNC_ABORT;
  }
}

// libcurl calls this with every piece, and about once a second when nothing comes.
int HttpClient::Transfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (transfer.cancel != nullptr && transfer.cancel->cancelled()) return 1;
  if (std::chrono::steady_clock::now() - transfer.last_byte < transfer.stall_timeout) return 0;
  transfer.failure = std::make_exception_ptr(
      Error(ErrorCode::kUnavailable, transfer.head.url.host() + " sent nothing for " +
                                         std::to_string(transfer.stall_timeout.count()) + " s"));
  return 1;
}

curl_socket_t HttpClient::Transfer::on_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  try {
    const AddressScope scope = scope_of(address->addr);
    const Hop hop{transfer.head.url.host(), address_text(address->addr), scope,
                  transfer.first_scope.value_or(scope), transfer.redirected};
    if (!transfer.policy(hop)) {
      transfer.address_refused = true;
      return CURL_SOCKET_BAD;
    }
    if (!transfer.redirected) transfer.first_scope = scope;
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  } catch (...) {
    transfer.failure = std::current_exception();
    return CURL_SOCKET_BAD;
  }
}

namespace {

void check_scheme(const HttpRequest& request, const Url& url) {
  if (url.encrypted() || url.loopback()) return;
  if (request.plain_http_allowed && url.origin() == request.url.origin()) return;
  throw Error(ErrorCode::kPermissionDenied,
              "refusing to use plain http with " + url.host() + ": use an https address");
}

void add_headers(EasyHandle& easy, const HttpRequest& request, const Url& url) {
  for (const auto& [name, value] : request.headers) easy.add_header(name + ": " + value);
  const auto& credential = request.credential;
  if (!credential || credential->origin != url.origin()) return;
  if (!url.encrypted() && !url.loopback()) {
    throw Error(ErrorCode::kPermissionDenied,
                "refusing to send a token to " + url.host() + " over plain http");
  }
  if (credential->bearer.find_first_of("\r\n") != std::string::npos) {
    throw Error(ErrorCode::kInvalidArgument, "the token for " + url.host() + " has a line break");
  }
  easy.add_header("Authorization: Bearer " + credential->bearer);
}

[[noreturn]] void throw_curl(CURLcode code, const std::string& host, const char* text) {
  std::string message;
  ErrorCode error = ErrorCode::kUnavailable;
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK: throw Error(ErrorCode::kCancelled, "cancelled");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      message = "cannot find " + host + ": is this machine offline?";
      break;
    case CURLE_COULDNT_CONNECT: message = "cannot connect to " + host; break;
    case CURLE_PEER_FAILED_VERIFICATION:
      message = "the certificate of " + host + " is not trusted";
      error = ErrorCode::kPermissionDenied;
      break;
    case CURLE_OPERATION_TIMEDOUT: message = host + " did not answer in time"; break;
    case CURLE_PARTIAL_FILE: message = host + " closed the connection early"; break;
    default: message = "the transfer from " + host + " failed: " + curl_easy_strerror(code);
  }
  throw Error(error, message, text);
}

}  // namespace

void HttpClient::perform(Transfer& transfer, std::chrono::seconds limit) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(started == CURLE_OK);
  EasyHandle easy;
  char text[CURL_ERROR_SIZE] = "";
  const Url& url = transfer.head.url;
  check_scheme(transfer.request, url);
  add_headers(easy, transfer.request, url);
  easy.set(CURLOPT_ERRORBUFFER, text);
  easy.set(CURLOPT_URL, url.text().c_str());
  easy.set(CURLOPT_PROTOCOLS_STR, "http,https");
  if (const auto& json = transfer.request.json) {
    easy.add_header("Content-Type: application/json");
    easy.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(json->size()));
    easy.set(CURLOPT_POSTFIELDS, json->data());
  }
  if (const auto& upload = transfer.request.upload) {
    easy.add_header("Content-Type: " + upload->content_type);
    easy.set(CURLOPT_UPLOAD, 1L);
    easy.set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(upload->bytes));
    easy.set(CURLOPT_READFUNCTION, &Transfer::on_upload);
    easy.set(CURLOPT_READDATA, static_cast<void*>(&transfer));
  }
  const std::string& method = transfer.request.method;
  if (method == "HEAD") easy.set(CURLOPT_NOBODY, 1L);
  if (!method.empty()) easy.set(CURLOPT_CUSTOMREQUEST, method.c_str());
  easy.set(CURLOPT_HTTPHEADER, easy.headers);
  easy.set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  easy.set(CURLOPT_NOSIGNAL, 1L);
  easy.set(CURLOPT_FOLLOWLOCATION, 0L);
  // This machine is reached directly: a proxy would see the token that loopback may have in clear.
  if (url.loopback()) easy.set(CURLOPT_NOPROXY, "*");
  easy.set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.connect_timeout.count()));
  easy.set(CURLOPT_TIMEOUT, static_cast<long>(limit.count()));
  easy.set(CURLOPT_BUFFERSIZE, kReceiveBytes);
  easy.set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  easy.set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  easy.set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  easy.set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  easy.set(CURLOPT_NOPROGRESS, 0L);
  easy.set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
  easy.set(CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
  easy.set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_socket);
  easy.set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&transfer));
  const CURLcode code = curl_easy_perform(easy.curl);

  long sent = 0;
  long header_bytes = 0;
  curl_off_t received = 0;
  curl_easy_getinfo(easy.curl, CURLINFO_REQUEST_SIZE, &sent);
  curl_easy_getinfo(easy.curl, CURLINFO_HEADER_SIZE, &header_bytes);
  curl_easy_getinfo(easy.curl, CURLINFO_SIZE_DOWNLOAD_T, &received);
  {
    const std::lock_guard lock(mutex_);
    Egress& entry = egress_[url.host()];
    entry.requests += 1;
    entry.bytes_sent += static_cast<std::uint64_t>(sent) + transfer.bytes_uploaded;
    entry.bytes_received += static_cast<std::uint64_t>(received + header_bytes);
  }
  if (transfer.failure) std::rethrow_exception(transfer.failure);
  if (transfer.leads_elsewhere()) return;
  if (code == CURLE_COULDNT_CONNECT && transfer.address_refused) {
    throw Error(ErrorCode::kPermissionDenied,
                "refusing to follow a redirect to " + url.host() + ": its address is internal");
  }
  if (code != CURLE_OK) throw_curl(code, url.host(), text);
  transfer.begin_body();  // an empty body still has a head
}

void HttpClient::follow(const HttpRequest& request, const HttpReceiver& receiver,
                        const CancelToken* cancel, std::chrono::seconds limit) {
  Url url = request.url;
  std::optional<AddressScope> first_scope;
  for (int hop = 0;; ++hop) {
    Transfer transfer{.request = request,
                      .receiver = receiver,
                      .cancel = cancel,
                      .policy = options_.address_policy,
                      .head = {.url = url},
                      .redirected = hop > 0,
                      .first_scope = first_scope,
                      .stall_timeout = options_.stall_timeout};
    perform(transfer, limit);
    if (!transfer.leads_elsewhere()) return;
    if (request.json || request.upload) {
      throw Error(ErrorCode::kUnavailable,
                  request.url.host() + " sends a request with a body elsewhere: not followed");
    }
    if (hop == options_.redirects_max) {
      throw Error(ErrorCode::kUnavailable, request.url.host() + " redirects more than " +
                                               std::to_string(options_.redirects_max) + " times");
    }
    const Url next = url.resolve(*transfer.head.header("location"));
    if (url.encrypted() && !next.encrypted()) {
      throw Error(ErrorCode::kPermissionDenied,
                  "refusing a redirect from https to plain http at " + next.host());
    }
    url = next;
  }
}

void HttpClient::get(const HttpRequest& request, const HttpReceiver& receiver,
                     const CancelToken* cancel) {
  follow(request, receiver, cancel, std::chrono::seconds{0});  // 0: no limit but the stall's
}

HttpDocument HttpClient::document(const HttpRequest& request, std::uint64_t bytes_max,
                                  const CancelToken* cancel) {
  HttpDocument document;
  const auto too_large = [&] {
    throw Error(ErrorCode::kCorruptData, "the answer of " + request.url.host() +
                                             " is larger than the " + std::to_string(bytes_max) +
                                             " bytes it may have");
  };
  const HttpReceiver receiver{[&](const HttpHead& head) {
                                document.head = head;
                                if (head.status >= 300) throw_status(head);
                                if (head.content_bytes.value_or(0) > bytes_max) too_large();
                              },
                              [&](std::span<const std::byte> bytes) {
                                if (bytes.size() > bytes_max - document.body.size()) too_large();
                                document.body.append(reinterpret_cast<const char*>(bytes.data()),
                                                     bytes.size());
                              }};
  follow(request, receiver, cancel, options_.document_timeout);
  return document;
}

std::map<std::string, Egress> HttpClient::egress() const {
  const std::lock_guard lock(mutex_);
  return egress_;
}

bool loopback_listens(const Url& url) noexcept {
  if (!url.loopback()) return false;
  const std::string port = url.origin().substr(url.origin().rfind(':') + 1);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::uint16_t number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  address.sin_port = htons(number);
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  // On loopback the answer is there at once, unless too many wait there.
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const bool taken =
      ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(socket);
  return taken;
}

void throw_status(const HttpHead& head) {
  const std::string& host = head.url.host();
  const std::string status = " (HTTP status " + std::to_string(head.status) + ")";
  switch (head.status) {
    case 401:
    case 403:
      throw Error(ErrorCode::kPermissionDenied,
                  host + " wants a login or an accepted licence" + status, head.url.text());
    case 404:
    case 410:
      throw Error(ErrorCode::kNotFound, host + " has no such file" + status, head.url.text());
    default: break;
  }
  const bool passing = head.status == 408 || head.status == 429 || head.status >= 500;
  throw Error(passing ? ErrorCode::kUnavailable : ErrorCode::kCorruptData,
              host + (passing ? " cannot answer now" : " gave an unexpected answer") + status,
              head.url.text());
}

}  // namespace hearth
