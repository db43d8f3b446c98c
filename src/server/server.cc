#include "server/server.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "base/log.h"
#include "server/busy.h"
#include "server/service.h"

namespace hearth {
namespace {

constexpr std::size_t kJobsWaitingMax = 1024;
constexpr std::size_t kLookThreads = 2;  // of requests that only read
// Of a request whose route reads none: what a client sends by habit, "{}" or an empty form.
constexpr std::size_t kUnreadBodyBytesMax = 4096;

std::string new_request_id() {
  static constexpr char kDigits[] = "0123456789abcdef";
  thread_local std::mt19937_64 random{std::random_device{}()};
  std::string id = "req_";
  for (std::uint64_t bits = random(); id.size() < 20; bits >>= 4) id += kDigits[bits & 15];
  return id;
}

// Of what has no route: whose client it looks like.
Dialect dialect_of(std::string_view path) {
  if (path.starts_with("/api/")) return Dialect::kOllama;
  if (path.starts_with("/v1/messages")) return Dialect::kAnthropic;
  return Dialect::kOpenAi;
}

HttpReply error_reply(Dialect dialect, const ApiError& error, const std::string& id) {
  HttpReply reply{
      .status = error.status, .headers = id_headers(id), .body = error_body(dialect, error, id)};
  reply.headers.emplace_back("Content-Type", "application/json");
  if (error.retry_after_seconds) {
    const double seconds = std::min(std::ceil(std::max(1.0, *error.retry_after_seconds)), 86400.0);
    reply.headers.emplace_back("Retry-After", std::to_string(static_cast<int>(seconds)));
  }
  return reply;
}

ApiError not_known(std::string code, int status, std::string message) {
  return {.status = status,
          .code = std::move(code),
          .message = std::move(message),
          .param = "",
          .retry_after_seconds = {}};
}

// Of what no route has seen.
HttpReply refusal(int status, std::string_view why, std::string_view path) {
  ApiError error = not_known("bad_request", status, std::string(why));
  if (status == 503) error.retry_after_seconds = 1;
  return error_reply(dialect_of(path), error, new_request_id());
}

// While an exception is being handled.
ApiError handled_error(const std::string& id) {
  try {
    throw;
  } catch (const BusyError& error) {
    ApiError told = not_known("busy", 429, error.message());
    told.retry_after_seconds = error.retry_after_seconds();
    return told;
  } catch (const Error& error) {
    if (!error.detail().empty())
      log_of(id, LogLevel::kWarn, error.message() + ": " + error.detail());
    return api_error(error);
  } catch (const std::exception& error) {
    log_of(id, LogLevel::kError, error.what());
    return api_error(Error(ErrorCode::kInternal, "internal error"));
  }
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, Host& host, Library& library, State& state)
      : doors_(std::move(options.doors), state),
        limits_(state),
        service_{.host = host,
                 .library = library,
                 .state = state,
                 .metrics = metrics_,
                 .limits = limits_,
                 .jobs = jobs_,
                 .default_model = std::move(options.default_model),
                 .waiting_max = options.waiting_max,
                 .version = std::move(options.version),
                 .readiness = {}},
        jobs_(options.job_threads, kJobsWaitingMax),
        looks_(kLookThreads, kJobsWaitingMax),
        pulse_(1, kJobsWaitingMax),
        records_(1, kJobsWaitingMax) {
    add_openai_routes(router_, service_);
    add_anthropic_routes(router_, service_);
    add_ollama_routes(router_, service_);
    add_llama_routes(router_, service_);
    add_operator_routes(router_, service_);
    http_ = std::make_unique<HttpServer>(
        std::move(options.http),
        HttpHandlers{
            .on_head = [this](const IncomingRequest& head) { return judge_safely(head); },
            .on_request = [this](auto exchange) { take(std::move(exchange)); },
            .on_refused = refusal,
            .on_reply_headers =
                [this](const IncomingRequest& head) { return doors_.cors_headers(head); }});
  }

  HttpServer& http() { return *http_; }
  std::size_t stop(double deadline_seconds, const CancelToken* hurry) {
    set(Readiness::kStopping);
    const std::size_t cut = http_->stop(deadline_seconds, hurry);
    for (Jobs* jobs : {&pulse_, &looks_, &jobs_, &records_}) jobs->stop();
    return cut;
  }
  void set(Readiness readiness) { service_.readiness = readiness; }

 private:
  // The state may be locked or broken: that is this request's misfortune, not the connection's.
  HeadVerdict judge_safely(const IncomingRequest& head) const {
    try {
      return judge(head);
    } catch (...) {
      const std::string id = new_request_id();
      return error_reply(dialect_of(head.path), handled_error(id), id);
    }
  }

  HeadVerdict judge(const IncomingRequest& head) const {
    const Router::Match match = router_.match(head.method, head.path);
    const Dialect dialect = match.route ? match.route->dialect : dialect_of(head.path);
    const auto refuse = [&](const ApiError& error) {
      const auto record = std::make_shared<RequestRecord>();
      record->id = new_request_id();
      record->method = head.method;
      record->route = match.route ? match.route->path : "none";
      record->status = error.status;
      record->error = error.code;
      metrics_.replied(record->route, error.status);
      HttpReply reply = error_reply(dialect, error, record->id);
      records_.post([record] {});  // which lets go of it: this thread does not wait for the log
      if (error.status == 405) reply.headers.emplace_back("Allow", match.allowed);
      return reply;
    };
    if (const auto foreign = doors_.foreign(head)) return refuse(*foreign);
    if (head.method == "OPTIONS" && !match.allowed.empty()) {
      return HttpReply{.status = 204, .headers = doors_.preflight_headers(head), .body = ""};
    }
    if (match.route == nullptr) {
      return match.allowed.empty()
                 ? refuse(not_known("path_not_found", 404, "there is no such path here"))
                 : refuse(
                       not_known("method_not_allowed", 405, head.method + " is not for this path"));
    }
    const auto caller = doors_.enter(head, match.route->permission);
    if (const auto* error = std::get_if<ApiError>(&caller)) return refuse(*error);
    if (!match.route->plan_body) {
      const bool reads = match.route->body_bytes > 0 || !match.route->fields.empty();
      return BodyPlan{.body_bytes = reads ? match.route->body_bytes : kUnreadBodyBytesMax};
    }
    auto plan = match.route->plan_body(match.params);
    if (const auto* error = std::get_if<ApiError>(&plan)) return refuse(*error);
    return std::get<BodyPlan>(std::move(plan));
  }

  void take(std::shared_ptr<HttpExchange> exchange) const {
    const IncomingRequest& request = exchange->request();
    Router::Match match = router_.match(request.method, request.path);
    Jobs& jobs = jobs_for(*match.route, request.method);
    const bool taken = jobs.post([this, exchange, match = std::move(match)]() mutable {
      handle(exchange, std::move(match));
    });
    if (taken) return;
    exchange->reply(refusal(503, "too many requests wait", exchange->request().path));
  }

  // Who only looks does not wait for those who load and compute, and who asks whether the server is
  // alive for nobody.
  Jobs& jobs_for(const Route& route, std::string_view method) const {
    if (method != "GET" && method != "HEAD") return jobs_;
    return route.permission == Permission::kPublic ? pulse_ : looks_;
  }

  void handle(const std::shared_ptr<HttpExchange>& exchange, Router::Match match) const {
    if (exchange->gone().cancelled()) {  // nobody is there to read it, or the server stops
      exchange->reply(
          refusal(503, "the server is stopping: ask again in a while", exchange->request().path));
      return;
    }
    const IncomingRequest& request = exchange->request();
    const Route& route = *match.route;
    Call call{.exchange = exchange,
              .caller = {},
              .id = new_request_id(),
              .params = std::move(match.params),
              .dialect = route.dialect,
              .record = std::make_shared<RequestRecord>()};
    RequestRecord& record = *call.record;
    record.id = call.id;
    record.method = request.method;
    record.route = route.path;
    const auto refuse = [&](const ApiError& error) {
      record.status = error.status;
      record.error = error.code;
      exchange->reply(error_reply(route.dialect, error, call.id));
    };
    try {
      const auto caller = doors_.enter(request, route.permission);
      if (const auto* error = std::get_if<ApiError>(&caller)) {
        refuse(*error);
      } else {
        call.caller = std::get<Caller>(caller);
        record.key = call.caller.key_name;
        route.handle(call);
      }
    } catch (...) {
      record.follows = false;
      refuse(handled_error(call.id));
    }
    if (!record.follows) metrics_.replied(route.path, record.status);
  }

  Router router_;
  mutable Metrics metrics_;
  Doors doors_;
  Limits limits_;
  Service service_;
  mutable Jobs jobs_, looks_, pulse_, records_;  // end before what their jobs use
  std::unique_ptr<HttpServer> http_;
};

Server::Server(ServerOptions options, Host& host, Library& library, State& state)
    : impl_(std::make_unique<Impl>(std::move(options), host, library, state)) {}
Server::~Server() = default;
void Server::start() { impl_->http().start(); }
void Server::set_ready() { impl_->set(Readiness::kReady); }
std::size_t Server::stop(double deadline_seconds, const CancelToken* hurry) {
  return impl_->stop(deadline_seconds, hurry);
}
std::vector<TcpEndpoint> Server::endpoints() const { return impl_->http().endpoints(); }

}  // namespace hearth
