// ReplyWriter: what happens while a call is answered, as the bytes of one dialect's reply. Each
// function returns what is to be sent now: of a stream its next events, of a whole reply nothing
// until end(). Answers are counted from 0 (prompt p's i-th answer: p * n + i). One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"

namespace hearth {

class ReplyWriter {
 public:
  virtual ~ReplyWriter() = default;
  virtual std::string_view content_type() const noexcept = 0;  // application/json, or a stream's
  virtual std::string begin(std::size_t prompt_tokens, std::size_t cached_tokens) = 0;
  virtual std::string piece(std::size_t answer, const Piece& piece) = 0;
  virtual std::string finish(std::size_t answer, const AnswerEnd& end) = 0;
  virtual std::string end(const TokenUsage& usage, const CallTimings& timings) = 0;
  // An error after the first byte of a stream; nothing follows it.
  virtual std::string error(const struct ApiError& error) = 0;
  // Of a stream that has nothing to say for a while; may be empty.
  virtual std::string ping() = 0;
};

}  // namespace hearth
