// SpecialTokens: finds the special tokens in a text before anything else is tokenized. User-defined
// tokens are always found; control and unknown tokens only when asked for, so that what a user
// writes never becomes one. Longer tokens win over shorter ones wherever they overlap, then lower
// ids, then the leftmost. Immutable after construction; owns a trie of the tokens' texts.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "text/text_range.h"
#include "text/vocabulary.h"

namespace hearth {

// Bytes [begin, end) of the text: a special token, or text between two.
struct Fragment {
  std::uint32_t begin;
  std::uint32_t end;
  std::optional<TokenId> token;
};

class SpecialTokens {
 public:
  // Throws kResourceExhausted past one of the limits below.
  explicit SpecialTokens(const Vocabulary& vocabulary);

  // The trie takes up to 64 times this; the largest vocabularies in use have 100 KB.
  static constexpr std::size_t kTextBytesMax = std::size_t{4} << 20;
  // Of one token: as many steps split() may need per byte of text. The longest in use has 60 bytes.
  static constexpr std::size_t kTokenBytesMax = 512;

  // In order of the text. Text fragments are never empty; the white space that a token strips is in
  // none. Nothing that touches a range of `plain` (ascending, disjoint) becomes a control token.
  std::vector<Fragment> split(std::string_view text, bool parse_special,
                              std::span<const TextRange> plain = {}) const;

 private:
  struct Special {
    TokenId id;
    std::string_view text;  // of the vocabulary given to the constructor
    bool always;            // user-defined: whether or not special tokens are parsed
    bool strips_right;
    std::uint32_t prefix;  // the longest other special that this one begins with; kNone: none
  };
  struct Node {
    std::vector<std::pair<unsigned char, std::uint32_t>> children;  // byte → node
    std::uint32_t special = kNone;                                  // which ends here
  };
  static constexpr std::uint32_t kNone = 0xFFFFFFFFu;

  struct Occurrence {
    std::uint32_t special;
    std::uint32_t begin;
    auto operator<=>(const Occurrence&) const = default;
  };

  struct Taken {
    Fragment token;
    std::uint32_t end;  // after the white space that the token strips
  };

  void insert(std::uint32_t special);
  std::uint32_t child(std::uint32_t node, unsigned char byte) const noexcept;
  std::uint32_t allowed(std::uint32_t special, bool parse_special) const noexcept;
  std::vector<std::vector<Occurrence>> longest(std::string_view text, bool parse_special) const;
  std::vector<Taken> take(std::string_view text, bool parse_special,
                          std::span<const TextRange> plain) const;

  std::vector<Special> specials_;  // in the order they are looked for
  std::vector<Node> nodes_;
  bool any_always_ = false;
};

}  // namespace hearth
