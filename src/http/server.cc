#include "http/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "http/connection.h"
#include "http/listener.h"
#include "net/address.h"

namespace hearth {
namespace {

namespace asio = boost::asio;
using Wait = asio::posix::stream_descriptor::wait_type;

// Between two turns of the loop: a burst of clients does not hold up those that are in.
constexpr int kAcceptsAtOnce = 64;
// Those that are being told 503; past this many, a connection too many is closed without a word.
constexpr std::size_t kTurnedAwayMax = 64;
// Out of descriptors or memory: how long until accepting is tried again.
constexpr std::chrono::milliseconds kAcceptPause{100};
// Between two looks at whether a stop is to hurry.
constexpr std::chrono::milliseconds kHurryPause{20};

std::chrono::duration<double> wait_time(double seconds) {
  return std::chrono::duration<double>(std::clamp(seconds, 0.0, 1e8));  // three years
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpServerOptions options, HttpHandlers handlers);
  ~Impl();

  void start();
  std::size_t stop(double deadline_seconds, const CancelToken* hurry);
  std::vector<TcpEndpoint> endpoints() const { return endpoints_; }
  HttpServerCounters counters() const noexcept;

 private:
  // A listener and its place in the loop, which holds no pointer that keeps it open.
  struct Door {
    Door(asio::io_context& context, Listener its_listener)
        : listener(std::move(its_listener)), waiting(context), pause(context) {
      waiting.assign(listener.fd());
    }
    ~Door() { waiting.release(); }  // the listener is the owner
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    Listener listener;
    asio::posix::stream_descriptor waiting;
    asio::steady_timer pause;
    bool short_of_descriptors = false;
  };

  void run();
  void wait_for_clients(const std::shared_ptr<Door>& door);
  void accept_clients(const std::shared_ptr<Door>& door);
  void pause_accepting(const std::shared_ptr<Door>& door, int error_number);
  void admit(const Door& door, UniqueFd fd, const sockaddr& address) noexcept;
  void take_in(const Door& door, UniqueFd fd, const sockaddr& address);
  void drain(std::promise<void>& drained);
  std::size_t ask_to_end();
  bool close_all();
  // Runs `work` there and waits for what it returns.
  template <typename Work>
  auto on_io_thread(Work work) {
    std::promise<decltype(work())> done;
    asio::post(context_, [&] { done.set_value(work()); });
    return done.get_future().get();
  }

  std::optional<TlsContext> tls_;
  asio::io_context context_{1};  // run by one thread
  asio::executor_work_guard<asio::io_context::executor_type> guard_{context_.get_executor()};
  ConnectionTable table_;
  std::vector<std::shared_ptr<Door>> doors_;
  std::vector<TcpEndpoint> endpoints_;
  std::thread thread_;
};

HttpServer::Impl::Impl(HttpServerOptions options, HttpHandlers handlers)
    : table_(context_, options.limits, std::move(handlers)) {
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "TLS wants a certificate and a key, and got one of them; give both or none");
  }
  if (!options.tls_cert.empty()) tls_.emplace(options.tls_cert, options.tls_key);
  for (const TcpEndpoint& endpoint : options.tcp) {
    doors_.push_back(std::make_shared<Door>(context_, Listener::tcp(endpoint)));
    endpoints_.push_back(doors_.back()->listener.endpoint());
  }
  if (!options.unix_socket.empty()) {
    doors_.push_back(std::make_shared<Door>(context_, Listener::unix_socket(options.unix_socket)));
  }
}

HttpServer::Impl::~Impl() {
  if (!thread_.joinable()) return;
  on_io_thread([this] {
    doors_.clear();
    return close_all();
  });
  if (table_.sinks) table_.sinks->join();
  guard_.reset();
  thread_.join();
}

void HttpServer::Impl::start() {
  for (const auto& door : doors_) wait_for_clients(door);
  thread_ = std::thread([this] { run(); });
}

void HttpServer::Impl::run() {
  // OpenSSL writes to sockets whose other side may be closed.
  sigset_t broken_pipe;
  ::sigemptyset(&broken_pipe);
  ::sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  for (;;) {
    try {
      context_.run();
      return;
    } catch (const std::exception& error) {
      log(LogLevel::kError, std::string("http: ") + error.what());
    }
  }
}

std::size_t HttpServer::Impl::stop(double deadline_seconds, const CancelToken* hurry) {
  if (!thread_.joinable()) {
    doors_.clear();
    return 0;
  }
  std::promise<void> drained;
  on_io_thread([&] {
    drain(drained);
    return true;
  });
  const std::future<void> done = drained.get_future();
  const auto ended_within = [&](double seconds, const CancelToken* cancel) {
    const auto end = std::chrono::steady_clock::now() + wait_time(seconds);
    while (done.wait_for(kHurryPause) != std::future_status::ready) {
      const bool hurries = cancel != nullptr && cancel->cancelled();
      if (hurries || std::chrono::steady_clock::now() >= end) return false;
    }
    return true;
  };
  std::size_t count = 0;
  if (!ended_within(deadline_seconds, hurry)) {
    count = on_io_thread([this] { return ask_to_end(); });
    ended_within(kLastWordsSeconds, nullptr);
  }
  on_io_thread([this] {
    table_.on_last_closed = nullptr;
    return close_all();
  });
  return count;
}

void HttpServer::Impl::drain(std::promise<void>& drained) {
  doors_.clear();
  table_.draining = true;
  const auto open = table_.open;  // close() changes it
  for (const auto& connection : open) connection->drain();
  if (table_.open.empty()) {
    drained.set_value();
  } else {
    table_.on_last_closed = [&drained] { drained.set_value(); };
  }
}

std::size_t HttpServer::Impl::ask_to_end() {
  std::size_t count = 0;
  const auto open = table_.open;
  for (const auto& connection : open) {
    if (connection->has_request()) ++count;
    connection->cut();
  }
  return count;
}

bool HttpServer::Impl::close_all() {
  const auto open = table_.open;
  for (const auto& connection : open) connection->close();
  return true;
}

HttpServerCounters HttpServer::Impl::counters() const noexcept {
  return {.accepted = table_.accepted_count,
          .refused = table_.refused_count,
          .timed_out = table_.timed_out_count,
          .open = table_.open_count};
}

void HttpServer::Impl::wait_for_clients(const std::shared_ptr<Door>& door) {
  door->waiting.async_wait(
      Wait::wait_read, [this, weak = std::weak_ptr(door)](const boost::system::error_code& error) {
        const auto open = weak.lock();
        if (!error && open) accept_clients(open);
      });
}

void HttpServer::Impl::accept_clients(const std::shared_ptr<Door>& door) {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    sockaddr_storage address{};
    socklen_t bytes = sizeof address;
    auto* const peer = reinterpret_cast<sockaddr*>(&address);
    UniqueFd fd(::accept4(door->listener.fd(), peer, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      door->short_of_descriptors = false;
      admit(*door, std::move(fd), *peer);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return pause_accepting(door, errno);
    }
  }
  wait_for_clients(door);
}

void HttpServer::Impl::pause_accepting(const std::shared_ptr<Door>& door, int error_number) {
  if (!std::exchange(door->short_of_descriptors, true)) {
    log(LogLevel::kWarn,
        std::string("http: cannot accept connections for now: ") + std::strerror(error_number));
  }
  door->pause.expires_after(kAcceptPause);
  door->pause.async_wait(
      [this, weak = std::weak_ptr(door)](const boost::system::error_code& error) {
        const auto open = weak.lock();
        if (!error && open) accept_clients(open);
      });
}

void HttpServer::Impl::admit(const Door& door, UniqueFd fd, const sockaddr& address) noexcept {
  ++table_.accepted_count;
  try {
    take_in(door, std::move(fd), address);
  } catch (const std::exception& error) {
    log(LogLevel::kWarn, std::string("http: a connection was not taken: ") + error.what());
  }
}

void HttpServer::Impl::take_in(const Door& door, UniqueFd fd, const sockaddr& address) {
  const bool local = door.listener.local();
  const bool secure = tls_ && !local;
  const int on = 1;
  if (!local) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const bool full = table_.admitted >= table_.limits.connections;
  if (full && (secure || table_.open.size() - table_.admitted >= kTurnedAwayMax)) {
    ++table_.refused_count;
    return;
  }
  const auto connection = std::make_shared<Connection>(
      table_, Connection::Client{.fd = std::move(fd),
                                 .peer = local ? std::string() : address_text(address),
                                 .local = local,
                                 .tls = secure ? &*tls_ : nullptr});
  if (full) {
    connection->turn_away();
  } else {
    connection->start();
  }
}

HttpServer::HttpServer(HttpServerOptions options, HttpHandlers handlers)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handlers))) {}
HttpServer::~HttpServer() = default;

void HttpServer::start() { impl_->start(); }
std::size_t HttpServer::stop(double deadline_seconds, const CancelToken* hurry) {
  return impl_->stop(deadline_seconds, hurry);
}
std::vector<TcpEndpoint> HttpServer::endpoints() const { return impl_->endpoints(); }
HttpServerCounters HttpServer::counters() const noexcept { return impl_->counters(); }

}  // namespace hearth
