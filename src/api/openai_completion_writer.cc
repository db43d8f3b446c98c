#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "api/openai.h"
#include "api/openai_writer.h"

namespace hearth {
namespace {

using Json = nlohmann::ordered_json;

std::string name_of(const TokenLogprob& token) { return openai_token_text(token.bytes, "bytes:"); }

// Characters that begin in these bytes.
std::size_t characters(std::string_view bytes) {
  return static_cast<std::size_t>(std::count_if(bytes.begin(), bytes.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// The likeliest and the chosen one by name, null where nothing was predicted (the first token of
// a prompt).
Json top_json(const PieceLogprobs& piece) {
  if (std::isnan(piece.token.logprob)) return nullptr;
  Json top = Json::object();
  const auto add = [&](const TokenLogprob& token) {
    const std::string name = name_of(token);
    if (!top.contains(name)) top[name] = openai_logprob(token.logprob);
  };
  for (const TokenLogprob& token : piece.top) add(token);
  add(piece.token);
  return top;
}

// `offset`: characters of the text before; moved past the pieces.
Json logprobs_json(const std::vector<PieceLogprobs>& pieces, std::size_t& offset) {
  Json tokens = Json::array(), logprobs = Json::array(), top = Json::array(),
       offsets = Json::array();
  for (const PieceLogprobs& piece : pieces) {
    tokens.push_back(name_of(piece.token));
    logprobs.push_back(openai_logprob(piece.token.logprob));
    top.push_back(top_json(piece));
    offsets.push_back(offset);
    offset += characters(piece.token.bytes);
  }
  return {{"tokens", tokens},
          {"token_logprobs", logprobs},
          {"top_logprobs", top},
          {"text_offset", offsets}};
}

class CompletionWriter final : public OpenAiWriter {
 public:
  CompletionWriter(const GenerateCall& call, const ReplyHead& head)
      : OpenAiWriter(call, head, {"cmpl-", "text_completion", "text_completion"}),
        offsets_(answers()) {}

 protected:
  Json whole(std::size_t index, const Answer& answer) override {
    return choice(index, answer.text, logprobs(index, answer.logprobs),
                  openai_finish_reason(answer.finish));
  }
  Json opening(std::size_t) override { return nullptr; }
  Json delta(std::size_t index, const Piece& piece) override {
    return choice(index, piece.text, logprobs(index, piece.logprobs), nullptr);
  }
  Json closing(std::size_t index, Finish finish) override {
    return choice(index, "", nullptr, openai_finish_reason(finish));
  }

 private:
  Json logprobs(std::size_t index, const std::vector<PieceLogprobs>& pieces) {
    return wants_logprobs() ? logprobs_json(pieces, offsets_[index]) : Json();
  }
  static Json choice(std::size_t index, const std::string& text, const Json& logprobs,
                     const Json& finish_reason) {
    return {
        {"text", text}, {"index", index}, {"logprobs", logprobs}, {"finish_reason", finish_reason}};
  }

  std::vector<std::size_t> offsets_;  // [answers()] characters whose logprobs were told
};

}  // namespace

std::unique_ptr<ReplyWriter> make_openai_completion_writer(const GenerateCall& call,
                                                           const ReplyHead& head) {
  return std::make_unique<CompletionWriter>(call, head);
}

}  // namespace hearth
