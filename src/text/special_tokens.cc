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
    specials_.push_back({id, vocabulary.text(id), !hidden, vocabulary.strips_right(id), kNone});
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
  for (const char c : specials_[special].text) {
    const auto byte = static_cast<unsigned char>(c);
    std::uint32_t next = child(node, byte);
    if (next == kNone) {
      next = static_cast<std::uint32_t>(nodes_.size());
      nodes_[node].children.emplace_back(byte, next);
      nodes_.emplace_back();
    }
    node = next;
    if (nodes_[node].special != kNone) specials_[special].prefix = nodes_[node].special;
  }
  nodes_[node].special = special;
}

std::uint32_t SpecialTokens::child(std::uint32_t node, unsigned char byte) const noexcept {
  for (const auto& [of, next] : nodes_[node].children) {
    if (of == byte) return next;
  }
  return kNone;
}

// The longest special at or above `special` in the chain of prefixes that may be found.
std::uint32_t SpecialTokens::allowed(std::uint32_t special, bool parse_special) const noexcept {
  while (special != kNone && !parse_special && !specials_[special].always) {
    special = specials_[special].prefix;
  }
  return special;
}

// Of every place where specials stand, the longest, by its length.
std::vector<std::vector<SpecialTokens::Occurrence>> SpecialTokens::longest(
    std::string_view text, bool parse_special) const {
  std::vector<std::vector<Occurrence>> by_length(specials_.front().text.size() + 1);
  std::vector<std::uint32_t> roots(256, kNone);
  for (const auto& [byte, node] : nodes_[0].children) roots[byte] = node;
  for (std::size_t start = 0; start < text.size(); ++start) {
    std::uint32_t node = roots[static_cast<unsigned char>(text[start])];
    std::uint32_t special = kNone;
    for (std::size_t at = start + 1; node != kNone; ++at) {
      if (nodes_[node].special != kNone) special = nodes_[node].special;
      if (at == text.size()) break;
      node = child(node, static_cast<unsigned char>(text[at]));
    }
    special = allowed(special, parse_special);
    if (special == kNone) continue;
    by_length[specials_[special].text.size()].push_back(
        {special, static_cast<std::uint32_t>(start)});
  }
  return by_length;
}

// Longer ones first: what is blocked by them goes on as the next shorter one at its place.
std::vector<SpecialTokens::Taken> SpecialTokens::take(std::string_view text, bool parse_special,
                                                      std::span<const TextRange> plain) const {
  std::vector<Taken> all_taken;
  std::vector<std::vector<Occurrence>> by_length = longest(text, parse_special);
  std::vector<bool> is_taken(text.size());
  for (std::size_t length = by_length.size(); length-- > 1;) {
    std::ranges::sort(by_length[length]);
    for (const Occurrence& at : by_length[length]) {
      if (is_taken[at.begin]) continue;
      const Special& special = specials_[at.special];
      const auto end = at.begin + static_cast<std::uint32_t>(length);
      // Whoever took bytes before is at least as long: it covers this one's first or last byte.
      if (is_taken[end - 1] || (!special.always && touches(plain, at.begin, end))) {
        const std::uint32_t shorter = allowed(special.prefix, parse_special);
        if (shorter != kNone) {
          by_length[specials_[shorter].text.size()].push_back({shorter, at.begin});
        }
        continue;
      }
      std::uint32_t after = end;
      if (special.strips_right) {
        while (after < text.size() && !is_taken[after] && is_ascii_space(text[after])) ++after;
      }
      std::fill(is_taken.begin() + at.begin, is_taken.begin() + after, true);
      all_taken.push_back({{at.begin, end, special.id}, after});
    }
  }
  return all_taken;
}

std::vector<Fragment> SpecialTokens::split(std::string_view text, bool parse_special,
                                           std::span<const TextRange> plain) const {
  std::vector<Taken> all_taken;
  if (any_always_ || (parse_special && !specials_.empty())) {
    all_taken = take(text, parse_special, plain);
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
