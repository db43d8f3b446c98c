// What the server side of HTTP/1.1 speaks in: a request as it was read, a reply as it is to be
// sent, the exchange of the two, and the limits. Knows no route, no JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/cancel.h"

namespace hearth {

using HttpFields = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// Untrusted, but well-formed: the method and every name are tokens of RFC 9110, the path begins
// with '/', is percent-decoded valid UTF-8 without control characters, and has no "." or ".."
// segment.
struct IncomingRequest {
  std::string method;
  std::string path;
  HttpFields query;  // decoded, in order
  HttpFields headers;
  std::string body;
  std::string peer;                  // address of the other side; empty on a Unix socket
  std::string reached;               // address of this side that the client connected to; likewise
  bool secure = false;               // came by TLS
  bool local = false;                // came by the Unix socket
  std::shared_ptr<void> taker = {};  // BodyPlan's

  // The first field of that name (lower case); empty when there is none.
  std::string_view header(std::string_view name) const noexcept;
};

struct HttpReply {
  int status = 200;
  HttpFields headers = {};  // Content-Length, Connection and Date are the server's
  std::string body = {};
};

struct HttpLimits {
  std::size_t header_bytes = 32 << 10;
  std::size_t body_bytes = 32 << 20;  // unless BodyPlan says another
  // All bodies in memory at a time, of requests that come or are being answered: 16 of the largest,
  // thousands of the usual ones. Beyond: 503.
  std::size_t bodies_bytes = 512 << 20;
  double header_seconds = 10;     // from the first byte (or accept) to the end of the header
  double body_idle_seconds = 30;  // between two reads of a body
  // A body, and a reply that is no stream, must come and go as fast on the whole, past the first
  // body_idle_seconds or write_seconds: n bytes are given n / 16 KiB more seconds, so that the
  // largest body (32 MiB) may take 30 + 2048 s, and a byte now and then keeps nobody's place.
  double bytes_per_second_min = 16 << 10;
  double keep_alive_seconds = 75;  // between two requests of a connection
  double write_seconds = 30;       // that a client takes none of what waits for it
  std::size_t connections = 4096;  // beyond: 503 and closed
  // Likewise of one address (IPv6: of one /64) but loopback, where proxies are: a quarter, so that
  // one machine does not shut out the rest.
  std::size_t connections_per_peer = 1024;
  std::size_t stream_bytes = 1 << 20;  // unsent bytes of one stream: at this, write() says kFull
};

// From the moment that a stop cuts a reply (gone() is set) until its connection closes.
inline constexpr double kLastWordsSeconds = 2;

// One request and its reply. Made by the server; any thread may call, in the order begin, write…,
// end, or reply alone; what comes after the end, or after the client has left, is ignored.
// Destroying the last reference before the end closes the connection.
class HttpExchange {
 public:
  enum class Write { kOk, kFull, kGone };  // kFull: taken, and the client is behind

  virtual ~HttpExchange() = default;
  virtual const IncomingRequest& request() const noexcept = 0;
  // A whole reply. HEAD gets its head alone.
  virtual void reply(HttpReply reply) = 0;
  // A stream (chunked): status and headers now, then pieces as they come.
  virtual void begin(int status, HttpFields headers) = 0;
  virtual Write write(std::string piece) = 0;
  virtual void end() = 0;
  // Set once the client has left (closed, if only for sending; reset; or write_seconds are over),
  // within 100 ms of it, or once a stop cuts the reply: what comes within kLastWordsSeconds is
  // still sent then. Not noticed behind more than 64 KiB of pipelined requests.
  virtual const CancelToken& gone() const noexcept = 0;
  // Bytes that wait to be sent.
  virtual std::size_t unsent_bytes() const noexcept = 0;
};

// What to do with a request whose head has come: refuse it now (the reply; the body is not read),
// or read the body, up to body_bytes, into request.body or into `sink`, piece by piece, on a thread
// that may block. A sink that throws Error ends the request: its message is refused with (500).
// exchange.request().body stays empty.
struct BodyPlan {
  std::size_t body_bytes = 0;  // 0: HttpLimits::body_bytes
  std::function<void(std::string_view piece)> sink = {};
  std::shared_ptr<void> taker = {};  // what the sink writes to: exchange.request() hands it over
};
using HeadVerdict = std::variant<BodyPlan, HttpReply>;

struct HttpHandlers {
  // On the I/O thread: must not block, must not throw.
  std::function<HeadVerdict(const IncomingRequest& head)> on_head;
  std::function<void(std::shared_ptr<HttpExchange>)> on_request;
  // The reply to what is no HTTP, or breaks a limit (400, 408, 413, 417, 431, 501, 503): `why` is a
  // sentence for the client; `path` is empty where the head had not come whole. The connection
  // closes after it.
  std::function<HttpReply(int status, std::string_view why, std::string_view path)> on_refused;
  // Headers of every reply to that request, whoever makes it; may be empty.
  std::function<HttpFields(const IncomingRequest& head)> on_reply_headers = {};
};

}  // namespace hearth
