// Vocabulary: the texts and attributes of a model's tokens and its special ids, checked against
// each other. VocabularyData is what a GGUF says (views into it); Vocabulary owns its own copy.
// Immutable once built. Invariants: every id it gives out is in [0, size()), no two tokens have the
// same text, no score is NaN.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "format/gguf.h"
#include "text/string_index.h"
#include "text/tokenizer.h"

namespace hearth {

// The ids that a GGUF may name, tokenizer.ggml.<name>_token_id.
enum class SpecialRole : std::uint8_t {
  kBos,
  kEos,
  kEot,
  kEom,
  kUnknown,
  kFimPrefix,
  kFimSuffix,
  kFimMiddle,
  kFimPad,
  kFimRepository,
  kFimSeparator,
};
inline constexpr std::size_t kSpecialRoles = 11;

struct VocabularyData {
  std::string_view model;          // "gpt2" or "llama"
  std::string_view pre_tokenizer;  // of gpt2; "" is "default"
  std::string_view model_name;     // general.name: Phi-3's tokens strip the white space after them
  std::vector<std::string_view> pieces;
  std::vector<float> scores;             // [pieces], or empty: all 0
  std::vector<std::int64_t> types;       // [pieces], GGUF's numbers 0 to 6, or empty: all normal
  std::vector<std::string_view> merges;  // "left right", best first
  std::array<std::optional<std::uint64_t>, kSpecialRoles> special_ids;
  std::optional<bool> add_bos;
  std::optional<bool> add_eos;
  std::optional<bool> add_space_prefix;
};

// The tokenizer for a vocabulary, by its model; what Tokenizer::load does with a file's.
std::shared_ptr<const Tokenizer> make_tokenizer(const VocabularyData& data);

// The tokenizer.ggml.* keys; the views live as long as the metadata's file.
VocabularyData read_vocabulary(const GgufMetadata& metadata);

class Vocabulary {
 public:
  // What holds when the file does not say. The default ids of gpt2 and llama are llama.cpp's.
  struct Defaults {
    std::array<std::optional<TokenId>, kSpecialRoles> special_ids;
    bool add_bos = false;
  };

  // Throws kCorruptData when tables contradict each other, kResourceExhausted past a limit below.
  Vocabulary(const VocabularyData& data, const Defaults& defaults);

  static constexpr std::size_t kTokensMax = std::size_t{1}
                                            << 24;     // 60 × the largest vocabulary in use
  static constexpr std::size_t kPieceBytesMax = 4096;  // the longest in use are below 600

  std::size_t size() const noexcept { return attributes_.size(); }
  std::string_view text(TokenId id) const noexcept {
    return texts_.text(static_cast<std::uint32_t>(id));
  }
  std::optional<TokenId> find(std::string_view text) const noexcept;
  float score(TokenId id) const noexcept { return scores_.empty() ? 0.0F : scores_[index(id)]; }
  std::size_t piece_bytes_max() const noexcept { return piece_bytes_max_; }

  bool is_control(TokenId id) const noexcept { return has(id, kControl); }
  bool is_unknown(TokenId id) const noexcept { return has(id, kUnknown); }
  bool is_user_defined(TokenId id) const noexcept { return has(id, kUserDefined); }
  bool is_byte(TokenId id) const noexcept { return has(id, kByte); }
  bool strips_right(TokenId id) const noexcept { return has(id, kStripRight); }
  bool ends_generation(TokenId id) const noexcept { return has(id, kEndsGeneration); }
  // A user's text may become it: not control, unknown or a byte.
  bool is_reachable(TokenId id) const noexcept {
    return (attributes_[index(id)] & (kControl | kUnknown | kByte)) == 0;
  }

  // The byte a token of type byte ("<0x0A>") stands for, and the token for a byte, if there is one.
  static std::optional<std::uint8_t> parse_byte(std::string_view text) noexcept;
  std::optional<TokenId> byte_token(std::uint8_t byte) const noexcept;

  std::optional<TokenId> special_id(SpecialRole role) const noexcept {
    return special_ids_[static_cast<std::size_t>(role)];
  }
  bool adds_bos() const noexcept { return adds_bos_; }
  bool adds_eos() const noexcept { return adds_eos_; }

 private:
  enum Attribute : std::uint8_t {
    kUnknown = 1,
    kControl = 2,
    kUserDefined = 4,
    kByte = 8,
    kStripRight = 16,
    kEndsGeneration = 32,
  };

  static std::size_t index(TokenId id) noexcept { return static_cast<std::size_t>(id); }
  bool has(TokenId id, Attribute attribute) const noexcept {
    return (attributes_[index(id)] & attribute) != 0;
  }
  void set(TokenId id, Attribute attribute) noexcept { attributes_[index(id)] |= attribute; }
  void clear(TokenId id, Attribute attribute) noexcept {
    attributes_[index(id)] &= static_cast<std::uint8_t>(~attribute);
  }

  void read_pieces(const VocabularyData& data);
  void read_types(const VocabularyData& data);
  void read_special_ids(const VocabularyData& data, const Defaults& defaults);
  void find_special_texts();
  void mark_ends();
  void apply_exceptions(std::string_view model_name);

  StringIndex texts_;                     // id of a text = token id
  std::vector<float> scores_;             // [size()], or empty
  std::vector<std::uint8_t> attributes_;  // [size()] of Attribute
  std::array<std::optional<TokenId>, kSpecialRoles> special_ids_;
  std::array<std::int32_t, 256> byte_tokens_{};  // -1: none
  std::size_t piece_bytes_max_ = 0;
  bool adds_bos_ = false;
  bool adds_eos_ = false;
};

}  // namespace hearth
