// AnswerText: the tokens of one answer become its text: end of turn, whole characters, stop texts.
// One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "text/detokenizer.h"
#include "text/stop_matcher.h"

namespace hearth {

class AnswerText {
 public:
  // ignore_eos: the model's end-of-turn tokens are text like others. Throws as StopMatcher does.
  AnswerText(std::shared_ptr<const Tokenizer> tokenizer, std::vector<std::string> stops,
             bool ignore_eos);

  struct Step {
    std::string text;     // safe to show; often none
    bool ends = false;    // the answer ends with this token
    bool is_part = true;  // the token is part of the answer: not the end of turn
  };
  Step push(TokenId id);
  // What was held back; nothing after a stop text.
  std::string flush();
  // The stop text that ended it, by its place among `stops`.
  std::optional<std::size_t> stop() const noexcept { return found_; }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  bool ignore_eos_;
  Detokenizer detokenizer_;
  StopMatcher matcher_;
  std::optional<std::size_t> found_;
};

}  // namespace hearth
