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
  for (std::uint32_t i = 0; i < specials_.size(); ++i) insert(i);
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
  }
  nodes_[node].special = special;
}

std::uint32_t SpecialTokens::child(std::uint32_t node, unsigned char byte) const noexcept {
  for (const auto& [of, next] : nodes_[node].children) {
    if (of == byte) return next;
  }
  return kNone;
}

// Indices of the specials that the text contains, ascending. One pass, so that the search below
// runs only for the few tokens of thousands that are there at all.
std::vector<std::uint32_t> SpecialTokens::occurring(std::string_view text,
                                                    bool parse_special) const {
  std::vector<std::uint32_t> found;
  if (specials_.empty() || (!parse_special && !any_always_)) return found;
  std::vector<bool> seen(specials_.size());
  std::vector<std::uint32_t> roots(256, kNone);
  for (const auto& [byte, node] : nodes_[0].children) roots[byte] = node;
  for (std::size_t start = 0; start < text.size(); ++start) {
    std::uint32_t node = roots[static_cast<unsigned char>(text[start])];
    for (std::size_t at = start + 1; node != kNone; ++at) {
      const std::uint32_t special = nodes_[node].special;
      if (special != kNone && !seen[special] && (parse_special || specials_[special].always)) {
        seen[special] = true;
        found.push_back(special);
      }
      if (at == text.size()) break;
      node = child(node, static_cast<unsigned char>(text[at]));
    }
  }
  std::ranges::sort(found);
  return found;
}

void SpecialTokens::cut(std::string_view text, const Special& special,
                        std::span<const TextRange> plain, std::vector<Fragment>& fragments) {
  std::vector<Fragment> out;
  out.reserve(fragments.size() + 2);
  for (const Fragment& fragment : fragments) {
    if (fragment.token) {
      out.push_back(fragment);
      continue;
    }
    const std::string_view until = text.substr(0, fragment.end);
    std::size_t done = fragment.begin;
    std::size_t from = done;  // where to look next
    for (std::size_t at; (at = until.find(special.text, from)) != std::string_view::npos;) {
      const std::size_t end = at + special.text.size();
      if (!special.always && touches(plain, at, end)) {
        from = at + 1;
        continue;
      }
      if (at > done)
        out.push_back({static_cast<std::uint32_t>(done), static_cast<std::uint32_t>(at), {}});
      out.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end), special.id});
      done = end;
      while (special.strips_right && done < until.size() && is_ascii_space(until[done])) ++done;
      from = done;
    }
    if (done < fragment.end) out.push_back({static_cast<std::uint32_t>(done), fragment.end, {}});
  }
  fragments = std::move(out);
}

std::vector<Fragment> SpecialTokens::split(std::string_view text, bool parse_special,
                                           std::span<const TextRange> plain) const {
  std::vector<Fragment> fragments;
  if (text.empty()) return fragments;
  fragments.push_back({0, static_cast<std::uint32_t>(text.size()), {}});
  for (const std::uint32_t special : occurring(text, parse_special)) {
    cut(text, specials_[special], plain, fragments);
  }
  return fragments;
}

}  // namespace hearth
