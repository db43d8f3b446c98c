#include "host/answer_text.h"

namespace hearth {

AnswerText::AnswerText(std::shared_ptr<const Tokenizer> tokenizer, std::vector<std::string> stops,
                       bool ignore_eos)
    : tokenizer_(std::move(tokenizer)),
      ignore_eos_(ignore_eos),
      detokenizer_(tokenizer_, std::nullopt),
      matcher_(std::move(stops)) {}

AnswerText::Step AnswerText::push(TokenId id) {
  if (tokenizer_->ends_generation(id) && !ignore_eos_) return {"", true, false};
  StopMatcher::Result result = matcher_.push(detokenizer_.push(id));
  found_ = result.stop;
  return {std::move(result.text), found_.has_value(), true};
}

std::string AnswerText::flush() {
  if (found_) return "";
  StopMatcher::Result result = matcher_.push(detokenizer_.flush());
  found_ = result.stop;
  return found_ ? std::move(result.text) : result.text + matcher_.flush();
}

}  // namespace hearth
