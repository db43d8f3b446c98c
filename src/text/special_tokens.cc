#include "text/special_tokens.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace hearth {
namespace {

constexpr bool is_ascii_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Whether [begin, end) shares a byte with one of the ranges.
bool touches(std::span<const TextRange> ranges, std::size_t begin, std::size_t end) {
  const auto after = std::ranges::upper_bound(ranges, begin, {}, &TextRange::end);
  return after != ranges.end() && after->begin < end;
}

}  // namespace

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const bool hidden = vocabulary.is_control(id) || vocabulary.is_unknown(id);
    if (!hidden && !vocabulary.is_user_defined(id)) continue;
    specials_.push_back({id, vocabulary.text(id), !hidden, vocabulary.strips_right(id)});
    bytes += specials_.back().text.size();
    if (specials_.back().text.size() > kTokenBytesMax) {
      throw Error(ErrorCode::kResourceExhausted,
                  "tokenizer: special token " + std::to_string(i) + " has " +
                      std::to_string(specials_.back().text.size()) + " bytes; the limit is " +
                      std::to_string(kTokenBytesMax));
    }
  }
  if (bytes > kTextBytesMax) {
    throw Error(ErrorCode::kResourceExhausted,
                "tokenizer: the special tokens have " + std::to_string(bytes) +
                    " bytes of text; the limit is " + std::to_string(kTextBytesMax));
  }
  std::ranges::sort(specials_, [](const Special& a, const Special& b) {
    return a.text.size() != b.text.size() ? a.text.size() > b.text.size() : a.id < b.id;
  });
  nodes_.emplace_back();
  // Shorter ones first, so that insert() meets those that a token begins with.
  for (std::size_t i = specials_.size(); i-- > 0;) insert(static_cast<std::uint32_t>(i));
  any_always_ = std::ranges::any_of(specials_, &Special::always);
}

void SpecialTokens::insert(std::uint32_t special) {
  std::uint32_t node = 0;
  std::size_t nested = 0;  // specials that this one begins with
  for (const char c : specials_[special].text) {
    const auto byte = static_cast<unsigned char>(c);
    std::uint32_t next = child(node, byte);
    if (next == kNone) {
      next = static_cast<std::uint32_t>(nodes_.size());
      nodes_[node].children.emplace_back(byte, next);
      nodes_.emplace_back();
    }
    node = next;
    if (nodes_[node].special != kNone) ++nested;
  }
  if (nested > kNestedMax) {
    throw Error(ErrorCode::kResourceExhausted,
                "tokenizer: a special token begins with " + std::to_string(nested) +
                    " others; the limit is " + std::to_string(kNestedMax));
  }
  nodes_[node].special = special;
}

std::uint32_t SpecialTokens::child(std::uint32_t node, unsigned char byte) const noexcept {
  for (const auto& [of, next] : nodes_[node].children) {
    if (of == byte) return next;
  }
  return kNone;
}

// Every place where a special stands, in the order in which specials take their bytes.
std::vector<SpecialTokens::Occurrence> SpecialTokens::occurrences(std::string_view text,
                                                                  bool parse_special) const {
  std::vector<Occurrence> found;
  if (specials_.empty() || (!parse_special && !any_always_)) return found;
  std::vector<std::uint32_t> roots(256, kNone);
  for (const auto& [byte, node] : nodes_[0].children) roots[byte] = node;
  for (std::size_t start = 0; start < text.size(); ++start) {
    std::uint32_t node = roots[static_cast<unsigned char>(text[start])];
    for (std::size_t at = start + 1; node != kNone; ++at) {
      const std::uint32_t special = nodes_[node].special;
      if (special != kNone && (parse_special || specials_[special].always)) {
        found.push_back({special, static_cast<std::uint32_t>(start)});
      }
      if (at == text.size()) break;
      node = child(node, static_cast<unsigned char>(text[at]));
    }
  }
  std::ranges::sort(found);
  return found;
}

std::vector<Fragment> SpecialTokens::split(std::string_view text, bool parse_special,
                                           std::span<const TextRange> plain) const {
  struct Taken {
    Fragment token;
    std::uint32_t end;  // after the white space that the token strips
  };
  std::vector<Taken> all_taken;
  const std::vector<Occurrence> found = occurrences(text, parse_special);
  std::vector<bool> is_taken(found.empty() ? 0 : text.size());
  for (const Occurrence& at : found) {
    const Special& special = specials_[at.special];
    const auto end = at.begin + static_cast<std::uint32_t>(special.text.size());
    // Whoever took bytes before is at least as long: it covers this one's first or last byte.
    if (is_taken[at.begin] || is_taken[end - 1]) continue;
    if (!special.always && touches(plain, at.begin, end)) continue;
    std::uint32_t after = end;
    if (special.strips_right) {
      while (after < text.size() && !is_taken[after] && is_ascii_space(text[after])) ++after;
    }
    std::fill(is_taken.begin() + at.begin, is_taken.begin() + after, true);
    all_taken.push_back({{at.begin, end, special.id}, after});
  }
  std::ranges::sort(all_taken, {}, [](const Taken& taken) { return taken.token.begin; });
  std::vector<Fragment> fragments;
  std::uint32_t done = 0;
  for (const Taken& taken : all_taken) {
    if (taken.token.begin > done) fragments.push_back({done, taken.token.begin, {}});
    fragments.push_back(taken.token);
    done = taken.end;
  }
  if (done < text.size()) fragments.push_back({done, static_cast<std::uint32_t>(text.size()), {}});
  return fragments;
}

}  // namespace hearth
