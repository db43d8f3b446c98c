// What the writers of OpenAI's chats and completions share: the frame of a reply, its events, usage
// and errors; the choices are the derived writer's. Of a whole reply the answers are kept until the
// end, of a stream nothing. One thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/reply_writer.h"

namespace hearth {

// Tells backends apart whose answers to one seed may differ: "fp_hearth_" and our version.
std::string openai_fingerprint();

class OpenAiWriter : public ReplyWriter {
 public:
  std::string_view content_type() const noexcept final;
  std::string begin(std::size_t prompt_tokens, std::size_t cached_tokens) final;
  std::string piece(std::size_t answer, const Piece& piece) final;
  std::string finish(std::size_t answer, const AnswerEnd& end) final;
  std::string end(const TokenUsage& usage, const CallTimings& timings) final;
  std::string error(const ApiError& error) final;
  std::string ping() final;

 protected:
  using Json = nlohmann::ordered_json;

  struct Names {
    std::string_view id_prefix, whole_object, chunk_object;
  };
  struct Answer {
    std::string text;
    std::vector<PieceLogprobs> logprobs;
    Finish finish = Finish::kStop;
  };

  OpenAiWriter(const GenerateCall& call, const ReplyHead& head, const Names& names);

  // A choice of a whole reply.
  virtual Json whole(std::size_t index, const Answer& answer) = 0;
  // Choices of a stream. opening: null where the first piece opens.
  virtual Json opening(std::size_t index) = 0;
  virtual Json delta(std::size_t index, const Piece& piece) = 0;
  virtual Json closing(std::size_t index, Finish finish) = 0;

  std::size_t answers() const noexcept { return answers_.size(); }
  bool wants_logprobs() const noexcept { return wants_logprobs_; }

 private:
  // An event; `usage` and `choices` are JSON, no usage: the member is left out.
  std::string event(std::string_view choices, std::string_view usage) const;
  std::string chunk(const Json& choice) const;

  std::string frame_;  // the members that begin every event, or the whole reply
  bool stream_, include_usage_, wants_logprobs_;
  std::vector<Answer> answers_;
};

std::string_view openai_finish_reason(Finish finish) noexcept;
// A logarithm that JSON can hold: -9999 for impossible, null for unknown (NaN).
nlohmann::ordered_json openai_logprob(float logprob);
// A token's bytes as text; if they are not UTF-8, `prefix` and each as \xNN.
std::string openai_token_text(std::string_view bytes, std::string_view prefix);

}  // namespace hearth
