// SentencePieceTokenizer: SentencePiece's BPE (tokenizer.ggml.model "llama"). Characters are joined
// into the pieces of the vocabulary, highest score first; a space is U+2581; what has no piece is
// written as bytes,
// "<0xNN>".
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/merge.h"
#include "text/tokenizer_base.h"

namespace hearth {

class SentencePieceTokenizer final : public TokenizerBase {
 public:
  // Throws kCorruptData for tables that contradict each other.
  explicit SentencePieceTokenizer(const VocabularyData& data);

 private:
  void encode_text(std::string_view prefix, std::string_view text,
                   std::vector<TokenId>& out) const override;
  std::string piece_bytes(TokenId id) const override;

  struct Scratch;
  void encode_word(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const;
  void append_bytes(std::string_view bytes, std::vector<TokenId>& out) const;
  std::optional<Merge> find_merge(std::string_view text) const;

  std::vector<std::uint32_t> priorities_;  // [size()]: the scores' order, lower merges first
  // The bytes that stand before a U+2581 inside some piece. After any other byte a space begins a
  // word that no merge joins to what is before it.
  std::bitset<256> joins_space_;
};

}  // namespace hearth
