// Exchange: the server's HttpExchange. Producers (any thread) put a reply into it; the connection
// (I/O thread) is woken once, takes everything that has gathered, and tells how much of it is still
// unsent. Owns the request and what was not taken yet. The connection owns it; handlers hold a
// pointer whose last copy, dropped before the end, calls abandon(). A call holds the lock for a
// move or an append only.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "http/http.h"

namespace hearth {

class Exchange final : public HttpExchange {
 public:
  struct Head {
    int status = 200;
    HttpFields headers = {};
    bool stream = false;
  };
  struct Taken {
    std::optional<Head> head = {};  // once
    std::string bytes = {};
    bool ended = false;
    bool abandoned = false;
  };

  // `wake` asks the I/O thread to take(); it is called from any thread, under the lock, and never
  // after close().
  Exchange(IncomingRequest request, std::size_t stream_bytes_max, std::function<void()> wake)
      : request_(std::move(request)), stream_bytes_max_(stream_bytes_max), wake_(std::move(wake)) {}

  const IncomingRequest& request() const noexcept override { return request_; }
  void reply(HttpReply reply) override;
  void begin(int status, HttpFields headers) override;
  Write write(std::string piece) override;
  void end() override;
  const CancelToken& gone() const noexcept override { return gone_; }
  std::size_t unsent_bytes() const noexcept override;
  void abandon();
  void cut() { gone_.cancel(); }  // what is written yet is sent

  // The I/O thread's side. What take() returned counts as unsent until told otherwise.
  Taken take();
  void set_in_flight(std::size_t bytes);
  bool settle();  // none is in flight; whether there is more to take
  enum class Ending { kSent, kGone };
  void close(Ending ending);

 private:
  void wake_once();  // under the lock

  const IncomingRequest request_;
  const std::size_t stream_bytes_max_;
  CancelToken gone_;

  mutable std::mutex mutex_;
  std::function<void()> wake_;  // empty once closed
  bool woken_ = false;          // and nothing taken since
  bool begun_ = false;
  Taken pending_;
  std::size_t in_flight_bytes_ = 0;
};

}  // namespace hearth
