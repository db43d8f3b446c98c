// RequestReader: one request from the bytes of a connection, however they are split, without any
// socket: the same code under the server, the tests and the fuzzer. Beast's parser does the grammar
// of the head; what a lenient reader could understand in two ways (and so smuggle a second request
// past the first) is refused here. Belongs to one connection, one thread. Bounded: the head by
// `header_bytes_max`, the body by begin_body(), a chunk's header line and the trailers by
// `header_bytes_max` again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/chunk_decoder.h"
#include "http/http.h"

namespace hearth {

class RequestReader {
 public:
  enum class Progress {
    kMore,     // wants more bytes
    kHead,     // once: the head is complete; has_body() says whether to go on
    kDone,     // the body is complete
    kRefused,  // see refusal(); takes nothing more
  };
  struct Refusal {
    int status = 0;   // 400, 413, 417 or 431
    std::string why;  // for the client
  };

  explicit RequestReader(std::size_t header_bytes_max) : header_bytes_max_(header_bytes_max) {}

  // Takes what belongs to the request from the front of `bytes` (moving its begin): up to the end
  // of the head, then, after begin_body(), up to the end of the body. kMore has taken everything.
  Progress feed(std::string_view& bytes);

  // Once after kHead, when has_body(): kMore, or kRefused when the Content-Length is larger.
  Progress begin_body(std::uint64_t bytes_max);

  // Complete but for peer, secure and local. The body grows from one feed() to the next, and may be
  // taken out in between.
  IncomingRequest& request() noexcept { return request_; }
  bool has_body() const noexcept { return chunked_ || body_bytes_left_ > 0; }
  bool http10() const noexcept { return version_ == 10; }
  bool keep_alive() const noexcept { return keep_alive_; }  // as far as the client is concerned
  bool expects_continue() const noexcept;  // the client waits for 100 before it sends the body
  const Refusal& refusal() const noexcept { return refusal_; }

 private:
  Progress refuse(int status, std::string why);
  Progress feed_head(std::string_view& bytes);
  Progress feed_chunked(std::string_view& bytes);
  Progress parse_head();
  Progress check_target(std::string_view text);
  Progress check_framing();

  const std::size_t header_bytes_max_;
  std::string head_;  // as it came, until it is complete
  IncomingRequest request_;
  int version_ = 0;  // 10 or 11
  bool keep_alive_ = false;
  bool chunked_ = false;
  std::uint64_t body_bytes_left_ = 0;  // by Content-Length
  std::uint64_t body_bytes_max_ = 0;
  std::optional<ChunkDecoder> chunks_;
  bool head_done_ = false;
  Refusal refusal_;
};

}  // namespace hearth
