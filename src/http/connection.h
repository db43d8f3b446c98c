// Connection: one client's socket, from accept to close: read a head, ask what to do with it, read
// the body, hand the request over, send the reply, start again. Everything here runs on the I/O
// thread, but for the body's sink. ConnectionTable owns the connections of a server; each is also
// held by its own pending waits, which end at close().
//
// At any time one deadline holds, the one of the phase; a socket is read in every phase but kSink,
// so that a client's leaving is noticed. What comes early stays in `input_`, at most
// kEarlyBytesMax + kReadBytes of it: a client that sends more is not read until its reply is done.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "http/exchange.h"
#include "http/http.h"
#include "http/request_reader.h"
#include "http/transport.h"
#include "platform/file.h"

namespace hearth {

inline constexpr std::size_t kReadBytes = 64 << 10;  // four TLS records, one buffer for everybody
inline constexpr std::size_t kEarlyBytesMax = 64 << 10;
// How long the rest of an unread request is read and dropped after a refusal: a close before would
// reset the connection and take the refusal from the client.
inline constexpr double kLingerSeconds = 1;
inline constexpr std::size_t kSinkThreads = 2;  // they wait for a disk

class Connection;

// What the connections of one server share. Belongs to the I/O thread, the counters to everybody.
struct ConnectionTable {
  ConnectionTable(boost::asio::io_context& io, const HttpLimits& its_limits,
                  HttpHandlers its_handlers)
      : context(io),
        limits(its_limits),
        handlers(std::move(its_handlers)),
        read_buffer(kReadBytes) {}

  boost::asio::thread_pool& sink_threads();  // started by the first body that has a sink

  boost::asio::io_context& context;
  const HttpLimits limits;
  const HttpHandlers handlers;
  std::unordered_set<std::shared_ptr<Connection>> open;
  std::size_t admitted = 0;  // of them, those not merely being turned away
  bool draining = false;
  std::function<void()> on_last_closed;
  std::vector<char> read_buffer;
  std::optional<boost::asio::thread_pool> sinks;
  std::atomic<std::uint64_t> accepted_count{0}, refused_count{0}, timed_out_count{0};
  std::atomic<std::size_t> open_count{0};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Client {
    UniqueFd fd;       // accepted, non-blocking
    std::string peer;  // as IncomingRequest has it
    bool local = false;
    const TlsContext* tls = nullptr;
  };

  Connection(ConnectionTable& table, Client client);
  ~Connection();

  void start();      // enters the table
  void turn_away();  // the same for one connection too many: 503
  void drain();      // closes unless a request is under way
  void cut();        // has whoever replies come to an end; else closes
  void close();      // at once
  bool has_request() const noexcept;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase { kHandshake, kIdle, kHead, kBody, kSink, kReply, kLinger, kClosed };

  // Runs `step` unless closed; whatever it throws closes this connection alone.
  template <typename Step>
  void enter(Step step);

  void on_ready();
  void on_deadline();
  void on_sink_done(const std::string& failure, bool was_last);
  void wait_for(IoStatus direction);
  void post_ready();
  void set_deadline(double seconds);
  void clear_deadline() noexcept { deadline_ = Clock::time_point::max(); }
  void arm_timer();

  bool wants_input() const noexcept;
  bool shake();
  void receive();
  void consume();
  bool on_progress(RequestReader::Progress progress);
  void on_head();
  void on_body(bool is_last);
  void on_request();

  void refuse(int status, std::string_view why);
  void queue_reply(HttpReply reply, bool keep_alive);
  void queue_taken(Exchange::Taken taken);
  void queue_head(const Exchange::Head& head, std::size_t whole_bytes);
  void fill();
  void send();
  void on_sent();
  void shut();

  ConnectionTable& table_;
  UniqueFd fd_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer timer_;
  Transport transport_;
  const std::string peer_;
  const bool local_;
  bool admitted_ = false;

  Phase phase_ = Phase::kHead;
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point timer_at_ = Clock::time_point::max();  // when the timer will fire
  bool waits_read_ = false, waits_write_ = false, posted_ = false;

  std::string input_;           // read and not yet used
  bool input_pending_ = false;  // the last read was full: there may be more, without readiness
  std::optional<RequestReader> reader_;
  BodyPlan plan_;
  bool unread_body_ = false;  // the client may be sending what nobody will read

  std::shared_ptr<Exchange> exchange_;  // from on_request to the end of the reply
  std::string output_;
  std::size_t output_sent_ = 0;
  bool keep_alive_ = false;
  bool head_only_ = false;  // HEAD
  bool http10_ = false;
  bool chunked_ = false;
  bool reply_begun_ = false;  // its head is in output_, or was sent
  bool reply_ended_ = false;  // nothing comes behind output_
};

}  // namespace hearth
