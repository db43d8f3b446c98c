// TokenizerBase: what the two tokenizers have in common: special tokens, BOS and EOS, the space
// prefix, the way back to text. Immutable after construction: any thread may call it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/special_tokens.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace hearth {

class TokenizerBase : public Tokenizer {
 public:
  TokenizerBase(const TokenizerBase&) = delete;
  TokenizerBase& operator=(const TokenizerBase&) = delete;

  static constexpr std::size_t kTextBytesMax = std::size_t{1} << 30;  // positions are 32 bits

  std::vector<TokenId> encode(std::string_view text, EncodeOptions options) const final;
  std::string piece(TokenId id, bool special) const final;
  std::string decode(const std::vector<TokenId>& ids, bool special) const final;

  std::size_t size() const noexcept final { return vocabulary_.size(); }
  std::optional<TokenId> bos() const noexcept final {
    return vocabulary_.special_id(SpecialRole::kBos);
  }
  std::optional<TokenId> eos() const noexcept final {
    return vocabulary_.special_id(SpecialRole::kEos);
  }
  bool adds_bos() const noexcept final { return vocabulary_.adds_bos(); }
  bool adds_space_prefix() const noexcept final { return adds_space_prefix_; }
  bool is_control(TokenId id) const noexcept final;
  bool takes_space_prefix_after(TokenId id) const noexcept final;
  bool ends_generation(TokenId id) const noexcept final;

 protected:
  TokenizerBase(const VocabularyData& data, const Vocabulary::Defaults& defaults,
                bool adds_space_prefix);

  // Appends the tokens of text without special tokens, any bytes. `prefix` is what goes before it:
  // "" or " ".
  virtual void encode_text(std::string_view prefix, std::string_view text,
                           std::vector<TokenId>& out) const = 0;
  // The bytes of a token that is neither special nor a byte's.
  virtual std::string piece_bytes(TokenId id) const = 0;

  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }

 private:
  bool contains(TokenId id) const noexcept {
    return id >= 0 && static_cast<std::size_t>(id) < size();
  }

  Vocabulary vocabulary_;
  SpecialTokens specials_;
  bool adds_space_prefix_;
};

}  // namespace hearth
