#include "http/connection.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>
#include <variant>

#include "base/error.h"
#include "base/log.h"
#include "http/reply_head.h"

namespace hearth {

namespace asio = boost::asio;
using Wait = asio::posix::stream_descriptor::wait_type;

asio::thread_pool& ConnectionTable::sink_threads() {
  if (!sinks) sinks.emplace(kSinkThreads);
  return *sinks;
}

Connection::Connection(ConnectionTable& table, Client client)
    : table_(table),
      fd_(std::move(client.fd)),
      socket_(table.context),
      timer_(table.context),
      transport_(fd_.get(), client.tls),
      peer_(std::move(client.peer)),
      local_(client.local) {
  socket_.assign(fd_.get());
}

Connection::~Connection() {
  if (socket_.is_open()) socket_.release();  // fd_ is the owner
}

template <typename Step>
void Connection::enter(Step step) {
  if (phase_ == Phase::kClosed) return;
  try {
    step();
  } catch (const std::exception& error) {
    log(LogLevel::kError, std::string("http: a connection is closed: ") + error.what());
    close();
  }
}

void Connection::start() {
  admitted_ = true;
  ++table_.admitted;
  table_.open.insert(shared_from_this());
  table_.open_count = table_.open.size();
  if (transport_.secure()) phase_ = Phase::kHandshake;
  enter([this] {
    set_deadline(table_.limits.header_seconds);
    wait_for(IoStatus::kWantRead);
  });
}

void Connection::turn_away() {
  table_.open.insert(shared_from_this());
  table_.open_count = table_.open.size();
  enter([this] {
    refuse(503, "This server has as many connections as it takes; try again in a while.");
    unread_body_ = true;
    send();
  });
}

void Connection::drain() {
  if (!has_request() && phase_ != Phase::kLinger) close();
}

void Connection::cut() { exchange_ ? exchange_->cut() : close(); }

bool Connection::has_request() const noexcept {
  return phase_ == Phase::kBody || phase_ == Phase::kSink || phase_ == Phase::kReply;
}

void Connection::set_deadline(double seconds) {
  // A year is as good as any longer time, and no clock overflows.
  constexpr double kLongestSeconds = 365.0 * 24 * 3600;
  const std::chrono::duration<double> wait(std::clamp(seconds, 0.0, kLongestSeconds));
  deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(wait);
  arm_timer();
}

// A deadline that moves away leaves the timer as it is: it finds that out when it fires.
void Connection::arm_timer() {
  if (deadline_ >= timer_at_) return;
  timer_at_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error) return;
    self->timer_at_ = Clock::time_point::max();
    self->enter([&] {
      if (Clock::now() < self->deadline_) return self->arm_timer();
      self->on_deadline();
    });
  });
}

void Connection::on_deadline() {
  if (phase_ != Phase::kIdle && phase_ != Phase::kLinger) ++table_.timed_out_count;
  const bool waits_for_request = phase_ == Phase::kBody || (phase_ == Phase::kHead && reader_);
  if (!waits_for_request) return close();
  refuse(408, "The rest of the request did not come in time.");
  unread_body_ = false;  // what was sent so far has been read: no reason to linger
  send();
}

void Connection::wait_for(IoStatus direction) {
  const bool read = direction == IoStatus::kWantRead;
  bool& waits = read ? waits_read_ : waits_write_;
  if (waits || phase_ == Phase::kClosed) return;
  waits = true;
  socket_.async_wait(read ? Wait::wait_read : Wait::wait_write,
                     [self = shared_from_this(), &waits](const boost::system::error_code& error) {
                       waits = false;
                       if (!error) self->enter([&] { self->on_ready(); });
                     });
}

void Connection::post_ready() {
  if (std::exchange(posted_, true)) return;
  asio::post(table_.context, [self = shared_from_this()] {
    self->posted_ = false;
    self->enter([&] { self->on_ready(); });
  });
}

bool Connection::wants_input() const noexcept {
  switch (phase_) {
    case Phase::kSink:
    case Phase::kClosed: return false;
    case Phase::kReply: return input_.size() < kEarlyBytesMax;
    default: return true;
  }
}

void Connection::on_ready() {
  if (phase_ == Phase::kHandshake && !shake()) return;
  if (wants_input()) receive();
  consume();
  send();
  if (!wants_input()) return;
  if (input_pending_) return post_ready();
  wait_for(IoStatus::kWantRead);
}

bool Connection::shake() {
  const IoResult result = transport_.handshake();
  if (result.status == IoStatus::kClosed) close();
  if (result.status == IoStatus::kDone) phase_ = Phase::kHead;
  if (result.status == IoStatus::kWantRead || result.status == IoStatus::kWantWrite) {
    wait_for(result.status);
  }
  return result.status == IoStatus::kDone;
}

void Connection::receive() {
  const IoResult result = transport_.read(table_.read_buffer);
  input_pending_ = result.bytes == table_.read_buffer.size();
  if (result.status == IoStatus::kClosed) return close();
  if (result.status == IoStatus::kWantWrite) wait_for(IoStatus::kWantWrite);
  if (phase_ != Phase::kLinger) input_.append(table_.read_buffer.data(), result.bytes);
  if (phase_ == Phase::kBody && result.bytes > 0) set_deadline(table_.limits.body_idle_seconds);
}

void Connection::consume() {
  while (!input_.empty() &&
         (phase_ == Phase::kIdle || phase_ == Phase::kHead || phase_ == Phase::kBody)) {
    if (phase_ == Phase::kIdle) {
      phase_ = Phase::kHead;
      set_deadline(table_.limits.header_seconds);
    }
    if (!reader_) {
      reader_.emplace(table_.limits.header_bytes);
      head_only_ = http10_ = false;
    }
    std::string_view rest = input_;
    const RequestReader::Progress progress = reader_->feed(rest);
    if (rest.empty()) {
      input_ = {};  // an idle connection keeps no buffer
    } else {
      input_.erase(0, input_.size() - rest.size());
    }
    if (!on_progress(progress)) return;
  }
}

bool Connection::on_progress(RequestReader::Progress progress) {
  switch (progress) {
    case RequestReader::Progress::kMore:
      if (phase_ == Phase::kBody) on_body(false);
      return false;
    case RequestReader::Progress::kHead: on_head(); return true;
    case RequestReader::Progress::kDone: on_body(true); return true;
    case RequestReader::Progress::kRefused:
      refuse(reader_->refusal().status, reader_->refusal().why);
      return false;
  }
  return false;
}

void Connection::on_head() {
  IncomingRequest& request = reader_->request();
  request.peer = peer_;
  request.secure = transport_.secure();
  request.local = local_;
  head_only_ = request.method == "HEAD";
  http10_ = reader_->http10();
  keep_alive_ = reader_->keep_alive();
  HeadVerdict verdict = table_.handlers.on_head(request);
  if (HttpReply* reply = std::get_if<HttpReply>(&verdict)) {
    unread_body_ = reader_->has_body();
    return queue_reply(std::move(*reply), keep_alive_ && !unread_body_);
  }
  plan_ = std::get<BodyPlan>(std::move(verdict));
  request.taker = plan_.taker;
  if (!reader_->has_body()) return on_request();
  const std::size_t body_bytes_max =
      plan_.body_bytes > 0 ? plan_.body_bytes : table_.limits.body_bytes;
  if (reader_->begin_body(body_bytes_max) == RequestReader::Progress::kRefused) {
    return refuse(reader_->refusal().status, reader_->refusal().why);
  }
  phase_ = Phase::kBody;
  set_deadline(table_.limits.body_idle_seconds);
  if (reader_->expects_continue() && input_.empty()) output_ += "HTTP/1.1 100 Continue\r\n\r\n";
}

void Connection::on_body(bool is_last) {
  std::string& body = reader_->request().body;
  if (!plan_.sink || body.empty()) {
    if (is_last) on_request();
    return;
  }
  phase_ = Phase::kSink;
  clear_deadline();
  asio::post(table_.sink_threads(),
             [self = shared_from_this(), is_last, piece = std::exchange(body, {})] {
               std::string failure;
               try {
                 self->plan_.sink(piece);
               } catch (const Error& error) {
                 failure = error.message();
               } catch (const std::exception&) {
                 failure = "The request's body could not be taken.";
               }
               asio::post(self->table_.context, [self, failure = std::move(failure), is_last] {
                 self->enter([&] { self->on_sink_done(failure, is_last); });
               });
             });
}

void Connection::on_sink_done(const std::string& failure, bool was_last) {
  phase_ = Phase::kBody;
  if (!failure.empty()) {
    refuse(500, failure);
  } else if (was_last) {
    on_request();
  } else {
    set_deadline(table_.limits.body_idle_seconds);
  }
  on_ready();
}

void Connection::on_request() {
  phase_ = Phase::kReply;
  clear_deadline();
  plan_ = {};
  auto wake = [weak = weak_from_this(), &context = table_.context] {
    asio::post(context, [weak] {
      if (const auto self = weak.lock()) self->enter([&] { self->send(); });
    });
  };
  exchange_ = std::make_shared<Exchange>(std::move(reader_->request()), table_.limits.stream_bytes,
                                         std::move(wake));
  reader_.reset();
  table_.handlers.on_request(
      {exchange_.get(), [owner = exchange_](HttpExchange*) { owner->abandon(); }});
}

void Connection::refuse(int status, std::string_view why) {
  if (status != 408) ++table_.refused_count;
  unread_body_ = reader_.has_value();
  queue_reply(table_.handlers.on_refused(status, why), false);
}

void Connection::queue_reply(HttpReply reply, bool keep_alive) {
  phase_ = Phase::kReply;
  keep_alive_ = keep_alive;
  plan_ = {};
  reader_.reset();
  queue_taken({.head = Exchange::Head{reply.status, std::move(reply.headers), false},
               .bytes = std::move(reply.body),
               .ended = true});
}

void Connection::queue_taken(Exchange::Taken taken) {
  if (taken.head) queue_head(*taken.head, taken.bytes.size());
  if (!head_only_ && !chunked_) output_ += taken.bytes;
  if (!head_only_ && chunked_) {
    if (!taken.bytes.empty()) append_chunk(output_, taken.bytes);
    if (taken.ended) output_ += kLastChunk;
  }
  reply_begun_ = true;
  reply_ended_ = taken.ended;
  set_deadline(table_.limits.write_seconds);
}

void Connection::queue_head(const Exchange::Head& head, std::size_t whole_bytes) {
  const bool with_content = has_content(head.status);
  chunked_ = head.stream && with_content && !http10_;
  const bool ends_by_close = head.stream && with_content && http10_;
  keep_alive_ = keep_alive_ && !table_.draining && !ends_by_close;
  ReplyFraming framing{.chunked = chunked_, .keep_alive = keep_alive_, .http10 = http10_};
  if (with_content && !head.stream) framing.content_length = whole_bytes;
  if (!with_content) head_only_ = true;
  output_ += reply_head(head.status, head.headers, framing);
}

// Takes what producers have put into the exchange.
void Connection::fill() {
  if (!exchange_ || reply_ended_) return;
  Exchange::Taken taken = exchange_->take();
  if (!taken.abandoned) {
    if (taken.head || taken.ended || !taken.bytes.empty()) queue_taken(std::move(taken));
    return;
  }
  if (reply_begun_) return close();
  exchange_->close(Exchange::Ending::kSent);
  exchange_.reset();
  refuse(500, "The server did not answer this request; that is the server's fault.");
}

void Connection::send() {
  if (output_.empty()) fill();
  while (output_sent_ < output_.size()) {
    const std::string_view rest = std::string_view(output_).substr(output_sent_);
    const IoResult result = transport_.write(rest);
    if (result.status == IoStatus::kClosed) return close();
    if (result.status != IoStatus::kDone) {
      if (exchange_) exchange_->set_in_flight(rest.size());
      return wait_for(result.status);
    }
    output_sent_ += result.bytes;
    if (phase_ == Phase::kReply) set_deadline(table_.limits.write_seconds);
  }
  output_ = {};
  output_sent_ = 0;
  if (phase_ != Phase::kReply) return;
  clear_deadline();
  if (reply_ended_) return on_sent();
  // A wake that came while output_ was on its way found nothing to do.
  if (exchange_->settle()) post_ready();
}

void Connection::on_sent() {
  if (exchange_) exchange_->close(Exchange::Ending::kSent);
  exchange_.reset();
  reply_begun_ = reply_ended_ = false;
  if (!keep_alive_ || table_.draining) return shut();
  phase_ = Phase::kIdle;
  set_deadline(table_.limits.keep_alive_seconds);
  if (!input_.empty() || input_pending_) return post_ready();
  wait_for(IoStatus::kWantRead);
}

void Connection::shut() {
  transport_.shut_writing();
  if (!unread_body_) return close();
  phase_ = Phase::kLinger;
  input_ = {};
  set_deadline(kLingerSeconds);
  wait_for(IoStatus::kWantRead);
}

void Connection::close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  if (exchange_) exchange_->close(Exchange::Ending::kGone);
  exchange_.reset();
  reader_.reset();
  output_ = {};  // nobody may write it: the descriptor's number can be another's from here on
  output_sent_ = 0;
  timer_.cancel();
  socket_.release();
  fd_ = UniqueFd();
  if (admitted_) --table_.admitted;
  table_.open.erase(shared_from_this());
  table_.open_count = table_.open.size();
  if (table_.open.empty() && table_.on_last_closed) table_.on_last_closed();
}

}  // namespace hearth
