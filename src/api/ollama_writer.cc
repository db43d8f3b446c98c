// The replies of /api/generate and /api/chat: a line of JSON for each piece and one at the end, or
// one whole reply.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/error.h"
#include "api/ollama.h"
#include "api/ollama_reply.h"
#include "api/rfc3339.h"

namespace hearth {
namespace {

using nlohmann::ordered_json;

// What stands for "never": JSON has no infinity, and a client's parser wants a number.
constexpr float kLogprobMin = -9999.0f;

ordered_json token_json(const TokenLogprob& token) {
  ordered_json bytes = ordered_json::array();
  for (const char byte : token.bytes) bytes.push_back(static_cast<unsigned char>(byte));
  return {{"token", token.bytes},
          {"logprob", shortest_double(std::max(token.logprob, kLogprobMin))},
          {"bytes", std::move(bytes)}};
}

void add_logprobs(const std::vector<PieceLogprobs>& logprobs, ordered_json& reply) {
  for (const PieceLogprobs& position : logprobs) {
    ordered_json entry = token_json(position.token);
    for (const TokenLogprob& token : position.top) {
      entry["top_logprobs"].push_back(token_json(token));
    }
    reply["logprobs"].push_back(std::move(entry));
  }
}

ordered_json reply_json(const ReplyHead& head, bool chat, std::string text, bool done) {
  ordered_json reply{{"model", head.model}, {"created_at", rfc3339(head.created_unix_ms)}};
  if (chat) {
    reply["message"] = {{"role", "assistant"}, {"content", std::move(text)}};
  } else {
    reply["response"] = std::move(text);
  }
  reply["done"] = done;
  return reply;
}

// Nothing for an answer that was cut off: Ollama leaves the field out then.
const char* done_reason(Finish finish) {
  switch (finish) {
    case Finish::kStop:
    case Finish::kStopText: return "stop";
    case Finish::kLength: return "length";
    case Finish::kCancelled: break;
  }
  return nullptr;
}

class OllamaWriter final : public ReplyWriter {
 public:
  OllamaWriter(const GenerateCall& call, const ReplyHead& head, bool chat)
      : head_(head), stream_(call.stream), chat_(chat) {
    // A raw prompt is not continued by a context.
    const bool raw = !call.prompts.empty() && !call.suffix &&
                     !std::holds_alternative<Conversation>(call.prompts.front());
    with_context_ = !chat && !raw;
  }

  std::string_view content_type() const noexcept override {
    return stream_ ? "application/x-ndjson" : "application/json";
  }
  std::string begin(std::size_t, std::size_t) override { return {}; }

  std::string piece(std::size_t, const Piece& piece) override {
    if (!stream_) {
      text_ += piece.text;
      logprobs_.insert(logprobs_.end(), piece.logprobs.begin(), piece.logprobs.end());
      return {};
    }
    if (piece.text.empty() && piece.logprobs.empty()) return {};
    ordered_json line = reply_json(head_, chat_, piece.text, false);
    add_logprobs(piece.logprobs, line);
    return to_text(line) + '\n';
  }

  std::string finish(std::size_t, const AnswerEnd& end) override {
    end_ = end;
    return {};
  }

  std::string end(const TokenUsage& usage, const CallTimings& timings) override {
    ordered_json reply = reply_json(head_, chat_, std::move(text_), true);
    if (const char* reason = done_reason(end_.finish)) reply["done_reason"] = reason;
    if (with_context_) reply["context"] = end_.context;
    reply["total_duration"] = nanoseconds(timings.total_seconds);
    reply["load_duration"] = nanoseconds(timings.load_seconds);
    reply["prompt_eval_count"] = usage.prompt_tokens;
    reply["prompt_eval_duration"] = nanoseconds(timings.prompt_seconds);
    reply["eval_count"] = usage.answer_tokens;
    reply["eval_duration"] = nanoseconds(timings.answer_seconds);
    add_token_budget(usage, reply);
    add_logprobs(logprobs_, reply);
    return stream_ ? to_text(reply) + '\n' : to_text(reply);
  }

  std::string error(const ApiError& error) override {
    return error_body(Dialect::kOllama, error, head_.id) + '\n';
  }
  // A client reads every line as JSON: an empty one would be an error to it.
  std::string ping() override { return {}; }

 private:
  ReplyHead head_;
  bool stream_, chat_, with_context_;
  std::string text_;                     // of a whole reply
  std::vector<PieceLogprobs> logprobs_;  // of a whole reply
  AnswerEnd end_;
};

}  // namespace

std::unique_ptr<ReplyWriter> make_ollama_generate_writer(const GenerateCall& call,
                                                         const ReplyHead& head) {
  return std::make_unique<OllamaWriter>(call, head, false);
}

std::unique_ptr<ReplyWriter> make_ollama_chat_writer(const GenerateCall& call,
                                                     const ReplyHead& head) {
  return std::make_unique<OllamaWriter>(call, head, true);
}

std::string ollama_loaded_reply(const GenerateCall& call, const ReplyHead& head, bool chat) {
  ordered_json reply = reply_json(head, chat, "", true);
  const bool unload = call.keep_alive && call.keep_alive->seconds == 0;
  reply["done_reason"] = unload ? "unload" : "load";
  return to_text(reply);
}

}  // namespace hearth
