// ByteBpeTokenizer: byte-level BPE (tokenizer.ggml.model "gpt2"). Every byte has a symbol; a list
// of merges, best first, joins two symbols into one; a pre-tokenizer says where no merge crosses.
// Texts in the file are byte-encoded: bytes that do not print stand as other characters
// (byte_alphabet below).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/merge.h"
#include "text/pair_table.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_base.h"

namespace hearth {

class ByteBpeTokenizer final : public TokenizerBase {
 public:
  // Throws kUnsupported for an unknown pre-tokenizer, kCorruptData for tables that contradict each
  // other.
  explicit ByteBpeTokenizer(const VocabularyData& data);

 private:
  ByteBpeTokenizer(const VocabularyData& data, PreTokenizer pre_tokenizer);

  void encode_text(std::string_view prefix, std::string_view text,
                   std::vector<TokenId>& out) const override;
  std::string piece_bytes(TokenId id) const override;

  struct Scratch;
  void encode_word(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const;
  void append_symbol(std::uint32_t id, std::string_view bytes, std::vector<TokenId>& out) const;
  std::optional<TokenId> whole_word(std::string_view word, std::string& encoded) const;

  PreTokenizer pre_tokenizer_;
  // Symbol ids: tokens keep theirs, what only merges know comes after them.
  std::array<std::uint32_t, 256> byte_symbols_;
  PairTable merges_;
};

}  // namespace hearth
