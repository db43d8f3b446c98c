#include "server/embedding.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/seconds.h"

namespace hearth {
namespace {

using Clock = std::chrono::steady_clock;

// Of one call's inputs, submitted: the others wait here and not in the queue that all share.
constexpr std::size_t kAtOnce = 8;

// Of length 1, of the first `dimensions` only.
std::vector<float> normalised(std::span<const double> sum, std::size_t dimensions) {
  double squares = 0;
  for (std::size_t d = 0; d < dimensions; ++d) squares += sum[d] * sum[d];
  const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
  std::vector<float> out(dimensions);
  for (std::size_t d = 0; d < dimensions; ++d) out[d] = static_cast<float>(sum[d] * scale);
  return out;
}

// One call. Made and started on a thread that may block; then it lives on the engine's thread, kept
// by its requests, until the last of them has ended; what is left is done by a job.
class Embedding : public std::enable_shared_from_this<Embedding> {
 public:
  Embedding(Service& service, const Call& call, const EmbedCall& wanted,
            std::function<std::string(const Embeddings&)> body)
      : service_(service),
        call_(call),
        body_(std::move(body)),
        pass_(service.limits.enter(call.caller)),
        model_(service.host.acquire(model_of(service, wanted.model),
                                    keep_alive_of(call, wanted.keep_alive),
                                    &call.exchange->gone())),
        dimensions_(wanted.dimensions.value_or(model_->loaded->model->config().model)),
        sums_(wanted.inputs.size()),
        left_(wanted.inputs.size()) {
    call_.record->model = model_->place.name;
    call_.record->follows = true;
    result_.timings.load_seconds = seconds_since(arrived_);
    result_.usage.context_limit = model_->loaded->engine->context();
    const std::size_t width = model_->loaded->model->config().model;
    if (dimensions_ > width) {
      throw FieldError("dimensions", "dimensions is " + std::to_string(dimensions_) +
                                         ", this model has " + std::to_string(width));
    }
    for (const auto& input : wanted.inputs) prompts_.push_back(tokens_of(input, wanted.truncate));
  }

  void start() {
    if (prompts_.empty()) return reply();
    refuse_if_full(*model_, 1, service_.waiting_max);
    submit_next(std::min(prompts_.size(), kAtOnce));
  }

 private:
  std::vector<TokenId> tokens_of(const std::variant<std::string, std::vector<TokenId>>& input,
                                 bool truncate) {
    std::vector<TokenId> tokens =
        std::holds_alternative<std::string>(input)
            ? model_->loaded->tokenizer->encode(std::get<std::string>(input),
                                                {.add_special = true, .parse_special = false})
            : std::get<std::vector<TokenId>>(input);
    if (truncate) tokens.resize(std::min(tokens.size(), result_.usage.context_limit));
    result_.usage.prompt_tokens += tokens.size();
    return tokens;
  }

  // The next of those that wait, which others may have taken meanwhile.
  void submit_next(std::size_t count) {
    const auto submit = [self = shared_from_this(), count](Engine& engine) {
      const std::size_t end = std::min(self->next_ + count, self->prompts_.size());
      while (self->next_ < end && !self->error_) {
        try {
          engine.submit(self->request_of(self->next_++));
        } catch (const Error& error) {
          self->fail(error);
        }
      }
    };
    model_->engine->post(submit, count);
  }

  Request request_of(std::size_t input) {
    const auto self = shared_from_this();
    Request request;
    request.prompt = std::move(prompts_[input]);
    request.tenant = call_.caller.tenant;
    request.priority = call_.caller.limits.priority;
    request.max_tokens = 0;
    request.reuse_prefix = false;  // every position's state is wanted
    request.cancel = &call_.exchange->gone();
    request.on_hidden = [self, input](std::size_t, std::span<const float> state) {
      std::vector<double>& sum = self->sums_[input];
      sum.resize(state.size());
      for (std::size_t d = 0; d < state.size(); ++d) sum[d] += state[d];
    };
    request.on_error = [self](const Error& error) { self->fail(error); };
    request.on_finish = [self](FinishReason reason) {
      if (reason == FinishReason::kCancelled) {
        return self->fail(
            Error(ErrorCode::kUnavailable, "the server is stopping: ask again in a while"));
      }
      if (--self->left_ == 0) return self->end();
      self->submit_next(1);
    };
    return request;
  }

  void fail(const Error& error) {
    if (error_) return;
    error_ = api_error(error);
    end();
  }

  void end() {
    pass_.reset();
    service_.jobs.post_always([self = shared_from_this()] { self->reply(); });
  }

  void reply() {
    result_.timings.total_seconds = seconds_since(arrived_);
    result_.timings.prompt_seconds = result_.timings.total_seconds - result_.timings.load_seconds;
    GenerationReport report;
    report.usage = result_.usage;
    report.total_seconds = result_.timings.total_seconds;
    report.load_seconds = result_.timings.load_seconds;
    std::string body;
    if (error_) {
      report.status = error_->status;
      report.error = error_->code;
      report.failed = true;
      body = error_body(call_.dialect, *error_, call_.id);
    } else {
      for (const auto& sum : sums_) result_.vectors.push_back(normalised(sum, dimensions_));
      body = body_(result_);
    }
    account(service_, {call_.caller.key_id, model_->place.name, call_.record}, report);
    reply_json(call_, std::move(body), report.status);
  }

  const Clock::time_point arrived_ = Clock::now();
  Service& service_;
  Call call_;
  std::function<std::string(const Embeddings&)> body_;
  Limits::Pass pass_;
  Host::Lease model_;
  std::size_t dimensions_;
  std::vector<std::vector<TokenId>> prompts_;
  std::vector<std::vector<double>> sums_;  // of each input's states
  std::size_t left_;
  std::size_t next_ = 0;  // to be submitted
  std::optional<ApiError> error_;
  Embeddings result_;
};

}  // namespace

void embed(Service& service, const Call& call, const EmbedCall& wanted,
           std::function<std::string(const Embeddings&)> body) {
  std::make_shared<Embedding>(service, call, wanted, std::move(body))->start();
}

}  // namespace hearth
