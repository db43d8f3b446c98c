#include "server/service.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "api/ollama.h"
#include "base/error.h"
#include "base/seconds.h"
#include "server/generation.h"

namespace hearth {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

void add_usage(State& state, std::int64_t key_id, const std::string& model,
               const TokenUsage& usage) {
  try {
    state.add_usage({.key_id = key_id,
                     .day = today(),
                     .model = model,
                     .usage = {.requests = 1,
                               .prompt_tokens = usage.prompt_tokens,
                               .cached_tokens = usage.cached_tokens,
                               .answer_tokens = usage.answer_tokens}});
  } catch (const Error& error) {
    log(LogLevel::kError, "usage was not written: " + error.message() + ": " + error.detail());
  }
}

}  // namespace

const std::string& model_of(const Service& service, const std::string& wanted) {
  return wanted.empty() ? service.default_model : wanted;
}

void log_of(const std::string& request_id, LogLevel level, const std::string& message) {
  const LogField field{"request_id", std::string_view(request_id)};
  log(level, message, {&field, 1});
}

void account(Service& service, Accounted call, const GenerationReport& report) {
  RequestRecord& record = *call.record;
  service.metrics.answered(call.model, report);
  service.metrics.replied(record.route, report.status);
  record.status = report.status;
  record.error = report.error;
  record.report = report;
  service.jobs.post_always([&service, call = std::move(call)] {
    const GenerationReport& ended = *call.record->report;
    add_usage(service.state, call.key_id, call.model, ended.usage);
    if (!ended.fault.empty()) log_of(call.record->id, LogLevel::kError, ended.fault);
  });
}

HttpFields id_headers(const std::string& id) { return {{"X-Request-Id", id}, {"Request-Id", id}}; }

std::optional<double> keep_alive_of(const Call& call, const std::optional<KeepAlive>& keep_alive) {
  if (!keep_alive) return std::nullopt;
  if (call.caller.admin) return keep_alive->seconds;
  if (keep_alive->seconds <= 0) {
    throw Error(ErrorCode::kPermissionDenied,
                "to unload a model, or to keep it for ever, needs the key of an admin: leave "
                "keep_alive out");
  }
  return std::nullopt;
}

void reply_json(const Call& call, std::string body, int status) {
  HttpFields headers = id_headers(call.id);
  headers.emplace_back("Content-Type", "application/json");
  call.exchange->reply({.status = status, .headers = std::move(headers), .body = std::move(body)});
}

ReplyHead reply_head(const Call& call, std::string_view model) {
  return {.id = call.id, .model = std::string(model), .created_unix_ms = unix_ms()};
}

void apply_defaults(const ModelDefaults& defaults, GenerateCall& call) {
  apply_ollama_parameters(defaults.parameters, call);
  if (!call.context.empty()) return;
  for (Prompt& prompt : call.prompts) {
    if (auto* conversation = std::get_if<Conversation>(&prompt)) {
      *conversation = with_defaults(std::move(*conversation), defaults);
    }
  }
}

void answer(Service& service, const Call& call, GenerateCall wanted,
            const MakeWriter& make_writer) {
  const Clock::time_point arrived = Clock::now();
  Limits::Pass pass = service.limits.enter(call.caller);
  if (!wanted.seed_given) wanted.sampling.seed = random_seed();
  Host::Lease model =
      service.host.acquire(model_of(service, wanted.model), keep_alive_of(call, wanted.keep_alive),
                           &call.exchange->gone());
  const double load_seconds = seconds_since(arrived);
  apply_defaults(model->defaults, wanted);
  call.record->model = model->place.name;
  call.record->follows = true;
  auto on_end = [&service, pass = std::move(pass),
                 accounted = Accounted{call.caller.key_id, model->place.name, call.record}](
                    const GenerationReport& report) mutable {
    pass.reset();
    account(service, std::move(accounted), report);
  };
  std::unique_ptr<ReplyWriter> writer = make_writer(wanted, reply_head(call, wanted.model));
  start_generation({.exchange = call.exchange,
                    .call = std::move(wanted),
                    .dialect = call.dialect,
                    .request_id = call.id,
                    .tenant = call.caller.tenant,
                    .priority = call.caller.limits.priority,
                    .model = std::move(model),
                    .writer = std::move(writer),
                    .headers = id_headers(call.id),
                    .arrived = arrived,
                    .load_seconds = load_seconds,
                    .waiting_max = service.waiting_max,
                    .on_end = std::move(on_end)});
}

}  // namespace hearth
