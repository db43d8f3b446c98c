// The work of `hearth tokenize`, over streams: text to token ids and back.
#pragma once

#include <iosfwd>

#include "text/tokenizer.h"

namespace hearth {

struct TokenizeOptions {
  EncodeOptions encode{true, true};
  bool decode = false;  // ids in, bytes out
  bool lines = false;   // one JSON array for each line of the input, without its line feed
  bool json = false;    // {"token_ids": […]}; else ids between spaces
};

// Throws kInvalidArgument for ids that are none.
void tokenize_stream(const Tokenizer& tokenizer, const TokenizeOptions& options, std::istream& in,
                     std::ostream& out);

}  // namespace hearth
