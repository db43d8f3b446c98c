// Generation: one call on its way: its prompts become requests of an engine, what the engine calls
// back becomes the dialect's bytes. Made and started on a thread that may block; from then on it
// lives on the engine's thread, kept by the requests it has submitted.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/call.h"
#include "api/error.h"
#include "api/reply_writer.h"
#include "host/answer_text.h"
#include "host/host.h"
#include "http/http.h"

namespace hearth {

// How a call ended, for metrics and the log.
struct GenerationReport {
  Finish finish = Finish::kStop;  // of its first answer
  bool failed = false;
  int status = 200;   // of the reply
  std::string error;  // the catalogue's code; empty: none
  std::string fault;  // what the client is not told of it
  TokenUsage usage;
  double first_token_seconds = 0;  // from the request's arrival; 0: none came
  double total_seconds = 0;
  double load_seconds = 0;
  std::vector<float> token_gaps_seconds;  // between one answer's tokens
};

// "stop", "length", "abort", "error": vLLM's names.
std::string_view finish_name(const GenerationReport& report) noexcept;

struct GenerationParts {
  std::shared_ptr<HttpExchange> exchange;
  GenerateCall call;
  Dialect dialect = Dialect::kOpenAi;
  std::string request_id;
  std::string tenant;
  Priority priority = Priority::kNormal;
  Host::Lease model;
  std::unique_ptr<ReplyWriter> writer;
  HttpFields headers;  // of the reply, besides its type
  std::chrono::steady_clock::time_point arrived;
  double load_seconds = 0;
  std::size_t waiting_max = 0;  // sequences; beyond: 429
  std::function<void(const GenerationReport&)> on_end;
};

// The tokens of a call's prompts, as the model reads them. Throws FieldError and what template and
// tokenizer throw.
std::vector<std::vector<TokenId>> prompt_tokens(const GenerateCall& call, const HostedModel& model);

// BusyError when so many more would not find a place, nor may wait.
void refuse_if_full(const HostedModel& model, std::size_t sequences, std::size_t waiting_max);

// Throws Error when it cannot be answered: prompts that do not fit, a queue that is full
// (Unavailable, with seconds), options out of range. Afterwards everything goes to the exchange.
void start_generation(GenerationParts parts);

}  // namespace hearth
