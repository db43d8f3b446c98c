// HttpServer: sockets and connections of the server side, on Boost.Beast, with one I/O thread of
// its own. TCP (with or without TLS) and Unix sockets; keep-alive, chunked bodies both ways, 100
// (Continue); every wait has a deadline and every buffer a limit (http.h). Owns its sockets and
// connections; start(), stop() and the destructor belong to one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "http/http.h"

namespace hearth {

struct TcpEndpoint {
  std::string address;     // numeric, v4 or v6; "::" takes no v4
  std::uint16_t port = 0;  // 0: any free one
};

struct HttpServerOptions {
  std::vector<TcpEndpoint> tcp;
  std::filesystem::path unix_socket;  // mode 0600; empty: none. A dead one of ours is replaced.
  std::filesystem::path tls_cert, tls_key;  // PEM; both or none: TLS (1.2 and up) on TCP
  HttpLimits limits;
};

struct HttpServerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;    // connections and requests that ended with on_refused, but for 408
  std::uint64_t timed_out = 0;  // ended by a deadline, but for keep_alive_seconds
  std::size_t open = 0;
};

class HttpServer {
 public:
  // Binds. Errors: kUnavailable when an address is taken (which, and how to see by whom),
  // kInvalidArgument for an address that is none or a certificate that does not load.
  HttpServer(HttpServerOptions options, HttpHandlers handlers);
  ~HttpServer();  // closes everything at once

  void start();
  // Takes no more connections or requests; waits until the replies under way have ended, at most
  // so long, or until `hurry` is set; then sets the others' gone(), and closes what has not ended
  // within kLastWordsSeconds. Returns how many it had to cut.
  std::size_t stop(double deadline_seconds, const CancelToken* hurry = nullptr);

  std::vector<TcpEndpoint> endpoints() const;  // with the ports that were given
  HttpServerCounters counters() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth
