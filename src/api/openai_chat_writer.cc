#include <nlohmann/json.hpp>

#include "api/openai.h"
#include "api/openai_writer.h"
#include "api/reply_json.h"

namespace hearth {
namespace {

using Json = nlohmann::ordered_json;

Json token_json(const TokenLogprob& token) {
  Json bytes = Json::array();
  for (const char byte : token.bytes) bytes.push_back(static_cast<unsigned char>(byte));
  return {{"token", openai_token_text(token.bytes, "")},
          {"logprob", openai_logprob(token.logprob)},
          {"bytes", bytes}};
}

Json logprobs_json(const std::vector<PieceLogprobs>& pieces) {
  Json content = Json::array();
  for (const PieceLogprobs& piece : pieces) {
    Json token = token_json(piece.token), top = Json::array();
    for (const TokenLogprob& other : piece.top) top.push_back(token_json(other));
    token["top_logprobs"] = std::move(top);
    content.push_back(std::move(token));
  }
  return {{"content", content}, {"refusal", nullptr}};
}

class ChatWriter final : public OpenAiWriter {
 public:
  ChatWriter(const GenerateCall& call, const ReplyHead& head)
      : OpenAiWriter(call, head, {"chatcmpl-", "chat.completion", "chat.completion.chunk"}) {}

 protected:
  Json whole(std::size_t index, const Answer& answer) override {
    return {{"index", index},
            {"message",
             {{"role", "assistant"},
              {"content", answer.text},
              {"refusal", nullptr},
              {"annotations", Json::array()}}},
            {"logprobs", wants_logprobs() ? logprobs_json(answer.logprobs) : Json()},
            {"finish_reason", openai_finish_reason(answer.finish)}};
  }

  Json opening(std::size_t index) override {
    return choice(index, {{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}}, nullptr,
                  nullptr);
  }

  Json delta(std::size_t index, const Piece& piece) override {
    return choice(index, {{"content", piece.text}},
                  wants_logprobs() ? logprobs_json(piece.logprobs) : Json(), nullptr);
  }

  Json closing(std::size_t index, Finish finish) override {
    return choice(index, Json::object(), nullptr, openai_finish_reason(finish));
  }

 private:
  static Json choice(std::size_t index, const Json& delta, const Json& logprobs,
                     const Json& finish_reason) {
    return {{"index", index},
            {"delta", delta},
            {"logprobs", logprobs},
            {"finish_reason", finish_reason}};
  }
};

}  // namespace

std::unique_ptr<ReplyWriter> make_openai_chat_writer(const GenerateCall& call,
                                                     const ReplyHead& head) {
  return std::make_unique<ChatWriter>(call, head);
}

}  // namespace hearth
