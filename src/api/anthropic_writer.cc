#include <nlohmann/json.hpp>

#include "api/anthropic.h"
#include "api/error.h"
#include "api/reply_json.h"

namespace hearth {
namespace {

using Json = nlohmann::ordered_json;

std::string event(std::string_view name, const std::string& data) {
  return "event: " + std::string(name) + "\ndata: " + data + "\n\n";
}

// The event's name stands in its data too.
std::string event(const Json& data) {
  return event(data["type"].get_ref<const std::string&>(), to_text(data));
}

// Anthropic's input tokens are those that were not cached.
Json usage_json(const TokenUsage& usage) {
  Json json = {{"input_tokens", usage.prompt_tokens - usage.cached_tokens},
               {"cache_creation_input_tokens", 0},
               {"cache_read_input_tokens", usage.cached_tokens},
               {"output_tokens", usage.answer_tokens}};
  if (usage.context_limit > 0) json["context_limit"] = usage.context_limit;
  if (usage.dropped_tokens > 0) json["dropped_tokens"] = usage.dropped_tokens;
  return json;
}

Json stop_reason(const AnswerEnd& end) {
  switch (end.finish) {
    case Finish::kStop: return "end_turn";
    case Finish::kStopText: return "stop_sequence";
    case Finish::kLength:
    case Finish::kCancelled: break;
  }
  return "max_tokens";
}

Json stop_sequence(const AnswerEnd& end) {
  return end.finish == Finish::kStopText ? Json(end.stop_text) : Json();
}

class AnthropicWriter final : public ReplyWriter {
 public:
  AnthropicWriter(const GenerateCall& call, const ReplyHead& head)
      : stream_(call.stream), id_(head.id), model_(head.model) {}

  std::string_view content_type() const noexcept override {
    return stream_ ? "text/event-stream; charset=utf-8" : "application/json";
  }

  std::string begin(std::size_t prompt_tokens, std::size_t cached_tokens) override {
    if (!stream_) return "";
    const TokenUsage usage{.prompt_tokens = prompt_tokens, .cached_tokens = cached_tokens};
    return event({{"type", "message_start"},
                  {"message", message(Json::array(), nullptr, nullptr, usage)}}) +
           event(
               {{"type", "content_block_start"}, {"index", 0}, {"content_block", text_block("")}});
  }

  std::string piece(std::size_t, const Piece& piece) override {
    if (!stream_) text_ += piece.text;
    if (!stream_ || piece.text.empty()) return "";
    return event({{"type", "content_block_delta"},
                  {"index", 0},
                  {"delta", {{"type", "text_delta"}, {"text", piece.text}}}});
  }

  std::string finish(std::size_t, const AnswerEnd& end) override {
    end_ = end;
    return stream_ ? event({{"type", "content_block_stop"}, {"index", 0}}) : "";
  }

  std::string end(const TokenUsage& usage, const CallTimings&) override {
    if (!stream_) {
      return to_text(
          message(Json::array({text_block(text_)}), stop_reason(end_), stop_sequence(end_), usage));
    }
    return event({{"type", "message_delta"},
                  {"delta",
                   {{"stop_reason", stop_reason(end_)}, {"stop_sequence", stop_sequence(end_)}}},
                  {"usage", usage_json(usage)}}) +
           event({{"type", "message_stop"}});
  }

  std::string error(const ApiError& error) override {
    const std::string body = error_body(Dialect::kAnthropic, error, id_);
    return stream_ ? event("error", body) : body;
  }

  std::string ping() override { return stream_ ? event({{"type", "ping"}}) : ""; }

 private:
  static Json text_block(const std::string& text) { return {{"type", "text"}, {"text", text}}; }

  Json message(const Json& content, const Json& reason, const Json& sequence,
               const TokenUsage& usage) const {
    return {{"id", "msg_" + id_},        {"type", "message"},         {"role", "assistant"},
            {"model", model_},           {"content", content},        {"stop_reason", reason},
            {"stop_sequence", sequence}, {"usage", usage_json(usage)}};
  }

  bool stream_;
  std::string id_, model_;
  std::string text_;  // of a whole reply
  AnswerEnd end_;
};

}  // namespace

std::unique_ptr<ReplyWriter> make_anthropic_writer(const GenerateCall& call,
                                                   const ReplyHead& head) {
  return std::make_unique<AnthropicWriter>(call, head);
}

std::string anthropic_count_reply(std::size_t prompt_tokens) {
  return R"({"input_tokens":)" + std::to_string(prompt_tokens) + "}";
}

}  // namespace hearth
