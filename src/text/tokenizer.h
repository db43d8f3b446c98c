// Tokenizer: text to token ids and back, as the model's GGUF metadata says. Immutable after load
// and shared: any thread may encode. Text that a user writes never becomes a control token unless
// parse_special is set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf.h"
#include "text/text_range.h"

namespace hearth {

using TokenId = std::int32_t;

struct EncodeOptions {
  bool add_special = true;     // BOS and EOS by the model's own rules
  bool parse_special = false;  // "<|im_start|>" in the text becomes the control token
  // Ranges of the text, ascending and disjoint, in which it does not, whatever parse_special says.
  std::span<const TextRange> plain = {};
};

class Tokenizer {
 public:
  // Reads tokenizer.ggml.*: model "gpt2" (byte-level BPE, named pre-tokenizer) or "llama"
  // (SentencePiece BPE). Throws kUnsupported for any other, kCorruptData for tables that contradict
  // each other.
  static std::shared_ptr<const Tokenizer> load(const GgufMetadata& metadata);
  virtual ~Tokenizer() = default;

  virtual std::vector<TokenId> encode(std::string_view text, EncodeOptions options) const = 0;
  // The bytes a token stands for; control tokens give their text only if `special`, else nothing.
  // Ids outside the vocabulary throw kInvalidArgument.
  virtual std::string piece(TokenId id, bool special) const = 0;
  // Bytes of a whole sequence (SentencePiece drops the space prefix of the first piece, as encode
  // added it).
  virtual std::string decode(const std::vector<TokenId>& ids, bool special) const = 0;

  virtual std::size_t size() const noexcept = 0;
  virtual std::optional<TokenId> bos() const noexcept = 0;
  virtual std::optional<TokenId> eos() const noexcept = 0;
  virtual bool adds_bos() const noexcept = 0;
  // SentencePiece writes a space before a text, and before what follows a special token: the way
  // back drops one leading space there (Detokenizer, decode). False for every id when the model
  // does no such thing.
  virtual bool adds_space_prefix() const noexcept = 0;
  virtual bool takes_space_prefix_after(TokenId id) const noexcept = 0;
  virtual bool is_control(TokenId id) const noexcept = 0;
  // EOS, EOT, EOM and the well-known texts of ends of turn.
  virtual bool ends_generation(TokenId id) const noexcept = 0;
};

}  // namespace hearth
