#include "api/openai_writer.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "api/error.h"
#include "api/reply_json.h"
#include "base/check.h"
#include "base/utf8.h"

namespace hearth {
namespace {

std::string usage_text(const TokenUsage& usage) {
  nlohmann::ordered_json json = {
      {"prompt_tokens", usage.prompt_tokens},
      {"completion_tokens", usage.answer_tokens},
      {"total_tokens", usage.prompt_tokens + usage.answer_tokens},
      {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}, {"audio_tokens", 0}}},
      {"completion_tokens_details",
       {{"reasoning_tokens", 0},
        {"audio_tokens", 0},
        {"accepted_prediction_tokens", 0},
        {"rejected_prediction_tokens", 0}}},
      {"context_limit", usage.context_limit}};
  if (usage.dropped_tokens > 0) json["dropped_tokens"] = usage.dropped_tokens;
  return to_text(json);
}

}  // namespace

std::string openai_fingerprint() { return "fp_hearth_" HEARTH_VERSION; }

std::string_view openai_finish_reason(Finish finish) noexcept {
  // An answer that was cut off is one that could have gone on.
  const bool cut = finish == Finish::kLength || finish == Finish::kCancelled;
  return cut ? "length" : "stop";
}

nlohmann::ordered_json openai_logprob(float logprob) {
  if (std::isnan(logprob)) return nullptr;
  return std::isinf(logprob) ? -9999.0 : shortest_double(logprob);
}

std::string openai_token_text(std::string_view bytes, std::string_view prefix) {
  if (valid_utf8_prefix(bytes) == bytes.size()) return std::string(bytes);
  std::string text(prefix);
  for (const char byte : bytes) {
    std::array<char, 5> escaped;  // "\xNN" and its end
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x",
                  static_cast<unsigned>(static_cast<unsigned char>(byte)));
    text += escaped.data();
  }
  return text;
}

OpenAiWriter::OpenAiWriter(const GenerateCall& call, const ReplyHead& head, const Names& names)
    : stream_(call.stream),
      include_usage_(call.include_usage),
      wants_logprobs_(call.top_logprobs.has_value()),
      answers_(call.prompts.size() * call.n) {
  frame_ = R"({"id":)" + json_string(std::string(names.id_prefix) + head.id) + R"(,"object":)" +
           json_string(stream_ ? names.chunk_object : names.whole_object) + R"(,"created":)" +
           std::to_string(head.created_unix_ms / 1000) + R"(,"model":)" + json_string(head.model) +
           R"(,"system_fingerprint":)" + json_string(openai_fingerprint());
}

std::string OpenAiWriter::event(std::string_view choices, std::string_view usage) const {
  std::string text = "data: " + frame_ + R"(,"choices":[)";
  text.append(choices).append("]");
  if (!usage.empty()) text.append(R"(,"usage":)").append(usage);
  return text + "}\n\n";
}

std::string OpenAiWriter::chunk(const Json& choice) const {
  return event(to_text(choice), include_usage_ ? "null" : "");
}

std::string_view OpenAiWriter::content_type() const noexcept {
  return stream_ ? "text/event-stream; charset=utf-8" : "application/json";
}

std::string OpenAiWriter::begin(std::size_t, std::size_t) {
  std::string events;
  // In order: the official client takes the n-th index that it meets for the n-th choice.
  for (std::size_t index = 0; stream_ && index < answers_.size(); ++index) {
    if (const Json choice = opening(index); !choice.is_null()) events += chunk(choice);
  }
  return events;
}

std::string OpenAiWriter::piece(std::size_t answer, const Piece& piece) {
  CHECK(answer < answers_.size());
  if (stream_) {
    const bool empty = piece.text.empty() && piece.logprobs.empty();
    return empty ? "" : chunk(delta(answer, piece));
  }
  Answer& kept = answers_[answer];
  kept.text += piece.text;
  kept.logprobs.insert(kept.logprobs.end(), piece.logprobs.begin(), piece.logprobs.end());
  return "";
}

std::string OpenAiWriter::finish(std::size_t answer, const AnswerEnd& end) {
  CHECK(answer < answers_.size());
  answers_[answer].finish = end.finish;
  return stream_ ? chunk(closing(answer, end.finish)) : "";
}

std::string OpenAiWriter::end(const TokenUsage& usage, const CallTimings&) {
  if (stream_) {
    return (include_usage_ ? event("", usage_text(usage)) : "") + "data: [DONE]\n\n";
  }
  std::string body = frame_ + R"(,"choices":[)";
  for (std::size_t index = 0; index < answers_.size(); ++index) {
    if (index > 0) body += ',';
    body += to_text(whole(index, answers_[index]));
  }
  return body + R"(],"usage":)" + usage_text(usage) + "}";
}

std::string OpenAiWriter::error(const ApiError& error) {
  const std::string body = error_body(Dialect::kOpenAi, error, "");
  return stream_ ? "data: " + body + "\n\n" : body;
}

std::string OpenAiWriter::ping() { return stream_ ? ": ping\n\n" : ""; }

}  // namespace hearth
