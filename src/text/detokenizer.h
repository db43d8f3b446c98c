// Detokenizer: tokens of one answer, one at a time, to text. Text comes out in whole characters:
// the bytes of a character that is spread over tokens are held until it is complete, and bytes that
// can never become one come out as U+FFFD. Owned by one sequence; not shared between threads.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "text/tokenizer.h"

namespace hearth {

class Detokenizer {
 public:
  // `previous` is the token before the first one pushed, nullopt at the very start of a text: it
  // decides whether a leading space is the tokenizer's own. `special`: control tokens give their
  // text.
  Detokenizer(std::shared_ptr<const Tokenizer> tokenizer, std::optional<TokenId> previous,
              bool special = false);

  // The text that this token completes, well-formed UTF-8, often the token's own and sometimes
  // none. Throws kInvalidArgument for an id outside the vocabulary.
  std::string push(TokenId id);
  // What is left at the end: nothing, or U+FFFD for a character that was never completed.
  std::string flush();

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::string pending_;  // at most 3 bytes between calls: the beginning of a character
  bool special_;
  bool drops_space_;  // the next piece loses one leading space
};

}  // namespace hearth
