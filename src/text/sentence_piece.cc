#include "text/sentence_piece.h"

#include <bit>

#include "base/error.h"
#include "base/utf8.h"

namespace hearth {
namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581

Vocabulary::Defaults sentence_piece_defaults() {
  Vocabulary::Defaults defaults;
  defaults.special_ids[static_cast<std::size_t>(SpecialRole::kUnknown)] = 0;
  defaults.special_ids[static_cast<std::size_t>(SpecialRole::kBos)] = 1;
  defaults.special_ids[static_cast<std::size_t>(SpecialRole::kEos)] = 2;
  defaults.add_bos = true;
  return defaults;
}

// Descending floats as ascending integers: flip the sign bit of positives and all bits of negatives
// to get ascending order, then invert. Adding zero turns -0 into +0, its equal.
std::uint32_t priority_of(float score) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);
  const std::uint32_t ascending = (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

}  // namespace

struct SentencePieceTokenizer::Scratch {
  std::vector<Symbol> symbols;
  Merger merger;
};

SentencePieceTokenizer::SentencePieceTokenizer(const VocabularyData& data)
    : TokenizerBase(data, sentence_piece_defaults(), data.add_space_prefix.value_or(true)) {
  priorities_.reserve(size());
  for (std::size_t i = 0; i < size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    priorities_.push_back(priority_of(vocabulary().score(id)));
    const std::string_view text = vocabulary().text(id);
    for (std::size_t at = 1; (at = text.find(kSpace, at)) != std::string_view::npos; ++at) {
      joins_space_.set(static_cast<unsigned char>(text[at - 1]));
    }
  }
}

void SentencePieceTokenizer::encode_text(std::string_view prefix, std::string_view text,
                                         std::vector<TokenId>& out) const {
  std::string escaped;
  escaped.reserve(prefix.size() + text.size() + text.size() / 2);
  for (const std::string_view part : {prefix, text}) {
    for (const char c : part) c == ' ' ? escaped.append(kSpace) : escaped.append(1, c);
  }
  const std::string_view all = escaped;
  Scratch scratch;
  std::size_t start = 0;
  for (std::size_t at = 1; at <= all.size(); ++at) {
    at = all.find(kSpace, at);
    if (at == std::string_view::npos) break;
    if (joins_space_.test(static_cast<unsigned char>(all[at - 1]))) continue;
    encode_word(all.substr(start, at - start), scratch, out);
    start = at;
  }
  if (start < all.size()) encode_word(all.substr(start), scratch, out);
}

std::optional<Merge> SentencePieceTokenizer::find_merge(std::string_view text) const {
  if (text.size() > vocabulary().piece_bytes_max()) return std::nullopt;
  const std::optional<TokenId> id = vocabulary().find(text);
  if (!id || !vocabulary().is_reachable(*id)) return std::nullopt;
  return Merge{priorities_[static_cast<std::size_t>(*id)], static_cast<std::uint32_t>(*id)};
}

void SentencePieceTokenizer::encode_word(std::string_view word, Scratch& scratch,
                                         std::vector<TokenId>& out) const {
  // Symbols are characters, and the parts of malformed ones. Their ids are looked up at the end,
  // for the few that have not been merged.
  scratch.symbols.clear();
  for (std::uint32_t at = 0; at < word.size();) {
    const std::uint32_t length = first_utf8_unit(word.substr(at)).length;
    scratch.symbols.push_back({at, length, StringIndex::kNone});
    at += length;
  }
  scratch.merger.run(scratch.symbols, [&](const Symbol& left, const Symbol& right) {
    return find_merge(word.substr(left.start, left.length + right.length));
  });
  for (std::uint32_t at = 0; at != Merger::kEnd; at = scratch.symbols[at].next) {
    const Symbol& symbol = scratch.symbols[at];
    const std::string_view text = word.substr(symbol.start, symbol.length);
    if (symbol.id != StringIndex::kNone) {
      out.push_back(static_cast<TokenId>(symbol.id));
    } else if (const std::optional<Merge> merge = find_merge(text)) {
      out.push_back(static_cast<TokenId>(merge->id));
    } else {
      append_bytes(text, out);
    }
  }
}

void SentencePieceTokenizer::append_bytes(std::string_view bytes, std::vector<TokenId>& out) const {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::optional<TokenId> byte =
        vocabulary().byte_token(static_cast<std::uint8_t>(bytes[i]));
    const std::optional<TokenId> id = byte ? byte : vocabulary().special_id(SpecialRole::kUnknown);
    if (id) out.push_back(*id);
  }
}

std::string SentencePieceTokenizer::piece_bytes(TokenId id) const {
  const std::string_view text = vocabulary().text(id);
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    const bool is_space = text.substr(at).starts_with(kSpace);
    bytes += is_space ? ' ' : text[at];
    at += is_space ? kSpace.size() : 1;
  }
  return bytes;
}

}  // namespace hearth
