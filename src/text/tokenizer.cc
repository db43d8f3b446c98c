#include "text/tokenizer.h"

#include "base/error.h"
#include "format/printable.h"
#include "text/byte_bpe.h"
#include "text/sentence_piece.h"
#include "text/vocabulary.h"

namespace hearth {

std::shared_ptr<const Tokenizer> make_tokenizer(const VocabularyData& data) {
  if (data.model == "gpt2") return std::make_shared<const ByteBpeTokenizer>(data);
  if (data.model == "llama") return std::make_shared<const SentencePieceTokenizer>(data);
  throw Error(ErrorCode::kUnsupported,
              "the tokenizer model " + printable_quoted(data.model) +
                  " (tokenizer.ggml.model); 'gpt2' and 'llama' are supported");
}

std::shared_ptr<const Tokenizer> Tokenizer::load(const GgufMetadata& metadata) {
  return make_tokenizer(read_vocabulary(metadata));
}

}  // namespace hearth
