#include "server/service.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <random>

#include "base/error.h"
#include "base/log.h"
#include "server/generation.h"

namespace hearth {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

void add_usage(State& state, const UsageRow& row) {
  try {
    state.add_usage(row);
  } catch (const Error& error) {
    log(LogLevel::kError, "usage was not written: " + error.message() + ": " + error.detail());
  }
}

void log_fault(const std::string& id, const std::string& fault) {
  const LogField field{"request_id", std::string_view(id)};
  log(LogLevel::kError, fault, {&field, 1});
}

const std::string& model_of(const Service& service, const std::string& wanted) {
  return wanted.empty() ? service.default_model : wanted;
}

}  // namespace

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

void answer(Service& service, const Call& call, GenerateCall wanted,
            const MakeWriter& make_writer) {
  const Clock::time_point arrived = Clock::now();
  Limits::Pass pass = service.limits.enter(call.caller);
  if (!wanted.seed_given) wanted.sampling.seed = random_seed();
  Host::Lease model =
      service.host.acquire(model_of(service, wanted.model), keep_alive_of(call, wanted.keep_alive),
                           &call.exchange->gone());
  const double load_seconds = seconds_since(arrived);
  call.record->model = model->place.name;
  call.record->follows = true;
  auto on_end = [&service, pass, key = call.caller.key_id, name = model->place.name,
                 record = call.record](const GenerationReport& report) mutable {
    service.metrics.answered(name, report);
    service.metrics.replied(record->route, report.status);
    record->status = report.status;
    record->error = report.error;
    record->report = report;
    const UsageRow row{.key_id = key,
                       .day = today(),
                       .model = name,
                       .usage = {.requests = 1,
                                 .prompt_tokens = report.usage.prompt_tokens,
                                 .cached_tokens = report.usage.cached_tokens,
                                 .answer_tokens = report.usage.answer_tokens}};
    // On the engine's thread, which must not wait for a disk, nor for whoever reads the log.
    service.jobs.post([&service, row, record = std::move(record)] {
      add_usage(service.state, row);
      if (!record->report->fault.empty()) log_fault(record->id, record->report->fault);
    });
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

namespace {

std::vector<TokenId> embed_tokens(const HostedModel& model, const EmbedCall& wanted,
                                  std::size_t input) {
  const auto& given = wanted.inputs[input];
  std::vector<TokenId> tokens =
      std::holds_alternative<std::string>(given)
          ? model.loaded->tokenizer->encode(std::get<std::string>(given),
                                            {.add_special = true, .parse_special = false})
          : std::get<std::vector<TokenId>>(given);
  if (wanted.truncate) tokens.resize(std::min(tokens.size(), model.loaded->engine->context()));
  return tokens;
}

// Of length 1, of the first `dimensions` only.
std::vector<float> normalised(const std::vector<double>& sum, std::size_t dimensions) {
  double squares = 0;
  for (std::size_t d = 0; d < dimensions; ++d) squares += sum[d] * sum[d];
  const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
  std::vector<float> out(dimensions);
  for (std::size_t d = 0; d < dimensions; ++d) out[d] = static_cast<float>(sum[d] * scale);
  return out;
}

using Sum = std::vector<double>;  // of an input's states

// The promise lives in the request alone: where an engine drops that, the wait ends, too.
std::future<void> submit_pooling(const HostedModel& model, std::vector<TokenId> tokens,
                                 const Call& call, const std::shared_ptr<Sum>& sum) {
  const auto done = std::make_shared<std::promise<void>>();
  Request request;
  request.prompt = std::move(tokens);
  request.tenant = call.caller.tenant;
  request.priority = call.caller.limits.priority;
  request.max_tokens = 0;
  request.reuse_prefix = false;  // every position's state is wanted
  request.cancel = &call.exchange->gone();
  request.on_hidden = [sum](std::size_t, std::span<const float> state) {
    sum->resize(state.size());
    for (std::size_t d = 0; d < state.size(); ++d) (*sum)[d] += state[d];
  };
  // Called while it is handled; what it is beyond an Error must not be cut off.
  request.on_error = [done](const Error&) { done->set_exception(std::current_exception()); };
  request.on_finish = [done](FinishReason reason) {
    if (reason != FinishReason::kCancelled) return done->set_value();
    done->set_exception(std::make_exception_ptr(
        Error(ErrorCode::kCancelled, "the server is stopping, or the client has left")));
  };
  std::future<void> ready = done->get_future();
  model.engine->post(
      [fail = request.on_error, request = std::move(request)](Engine& engine) mutable {
        try {
          engine.submit(std::move(request));
        } catch (const Error& error) {
          fail(error);
        }
      });
  return ready;
}

}  // namespace

Embeddings embed(Service& service, const Call& call, const EmbedCall& wanted) {
  const Clock::time_point arrived = Clock::now();
  const Limits::Pass pass = service.limits.enter(call.caller);
  const Host::Lease model =
      service.host.acquire(model_of(service, wanted.model), keep_alive_of(call, wanted.keep_alive),
                           &call.exchange->gone());
  call.record->model = model->place.name;
  Embeddings result;
  result.timings.load_seconds = seconds_since(arrived);
  result.usage.context_limit = model->loaded->engine->context();
  const std::size_t width = model->loaded->model->config().model;
  const std::size_t dimensions = wanted.dimensions.value_or(width);
  if (dimensions > width) {
    throw FieldError("dimensions", "dimensions is " + std::to_string(dimensions) +
                                       ", this model has " + std::to_string(width));
  }
  std::vector<std::shared_ptr<Sum>> sums;
  std::vector<std::future<void>> done;
  for (std::size_t i = 0; i < wanted.inputs.size(); ++i) {
    std::vector<TokenId> tokens = embed_tokens(*model, wanted, i);
    result.usage.prompt_tokens += tokens.size();
    sums.push_back(std::make_shared<Sum>());
    done.push_back(submit_pooling(*model, std::move(tokens), call, sums.back()));
  }
  for (std::future<void>& each : done) each.wait();
  for (std::future<void>& each : done) each.get();
  for (const auto& sum : sums) result.vectors.push_back(normalised(*sum, dimensions));
  result.timings.total_seconds = seconds_since(arrived);
  GenerationReport& report = call.record->report.emplace();
  report.usage = result.usage;
  report.total_seconds = result.timings.total_seconds;
  result.timings.prompt_seconds = result.timings.total_seconds - result.timings.load_seconds;
  return result;
}

}  // namespace hearth
