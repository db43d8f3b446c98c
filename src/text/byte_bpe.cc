#include "text/byte_bpe.h"

#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "text/string_index.h"

namespace hearth {
namespace {

// Byte-level BPE writes a byte that prints ('!' to '~', '¡' to '¬', '®' to 'ÿ') as the Latin-1
// character of its value, and the other 68, ascending, as U+0100 onwards. So there are 256 + 68
// code points in use.
constexpr std::size_t kAlphabetEnd = 256 + 68;

struct ByteAlphabet {
  std::array<std::uint16_t, 256> code_point_of{};
  std::array<std::int16_t, kAlphabetEnd> byte_of{};  // -1: stands for no byte

  constexpr ByteAlphabet() {
    byte_of.fill(-1);
    std::uint16_t next = 256;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const bool prints = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
      code_point_of[byte] = prints ? static_cast<std::uint16_t>(byte) : next++;
      byte_of[code_point_of[byte]] = static_cast<std::int16_t>(byte);
    }
  }
};
constexpr ByteAlphabet kAlphabet;

// Every character of the alphabet is below U+0800: one or two bytes.
void append_encoded(unsigned char byte, std::string& out) {
  const unsigned code_point = kAlphabet.code_point_of[byte];
  if (code_point >= 0x80) out += static_cast<char>(0xC0 | code_point >> 6);
  out += static_cast<char>(code_point >= 0x80 ? 0x80 | (code_point & 0x3F) : code_point);
}

// The byte that the character at the start of `text` stands for, and the character's length; -1
// when it is not of the alphabet.
std::pair<int, std::size_t> decoded_byte(std::string_view text) noexcept {
  const Utf8Unit unit = first_utf8_unit(text);
  if (unit.kind != Utf8Kind::kCharacter || unit.length > 2) return {-1, unit.length};
  unsigned code_point = static_cast<unsigned char>(text[0]);
  if (unit.length == 2)
    code_point = (code_point & 0x1F) << 6 | (static_cast<unsigned char>(text[1]) & 0x3F);
  return {code_point < kAlphabetEnd ? kAlphabet.byte_of[code_point] : -1, unit.length};
}

Vocabulary::Defaults defaults_of(const VocabularyData& data, const PreTokenizer& pre_tokenizer) {
  Vocabulary::Defaults defaults;
  defaults.add_bos = pre_tokenizer.adds_bos();
  // The oldest files (Falcon's) name no ids and mean 11; anywhere else 11 is a comma.
  constexpr TokenId kLegacyEnd = 11;
  if (data.types.size() > kLegacyEnd && data.types[kLegacyEnd] == 3) {
    defaults.special_ids[static_cast<std::size_t>(SpecialRole::kBos)] = kLegacyEnd;
    defaults.special_ids[static_cast<std::size_t>(SpecialRole::kEos)] = kLegacyEnd;
  }
  return defaults;
}

}  // namespace

struct ByteBpeTokenizer::Scratch {
  std::vector<Symbol> symbols;
  Merger merger;
  std::string encoded;
};

ByteBpeTokenizer::ByteBpeTokenizer(const VocabularyData& data)
    : ByteBpeTokenizer(data, PreTokenizer(data.pre_tokenizer)) {}

ByteBpeTokenizer::ByteBpeTokenizer(const VocabularyData& data, PreTokenizer pre_tokenizer)
    : TokenizerBase(data, defaults_of(data, pre_tokenizer), false),
      pre_tokenizer_(std::move(pre_tokenizer)),
      merges_(data.merges.size()) {
  StringIndex others;  // symbols that are no tokens
  const auto symbol = [&](std::string_view text) {
    if (const std::optional<TokenId> id = vocabulary().find(text))
      return static_cast<std::uint32_t>(*id);
    return static_cast<std::uint32_t>(size()) + others.insert(text).first;
  };
  std::string text;
  for (std::size_t byte = 0; byte < byte_symbols_.size(); ++byte) {
    text.clear();
    append_encoded(static_cast<unsigned char>(byte), text);
    byte_symbols_[byte] = symbol(text);
  }
  if (data.merges.empty()) {
    throw Error(ErrorCode::kCorruptData, "tokenizer: tokenizer.ggml.merges is missing or empty");
  }
  std::uint32_t result = 0;
  for (std::size_t rank = 0; rank < data.merges.size(); ++rank) {
    const std::string_view merge = data.merges[rank];
    // The space between the two; the left one may itself begin with a space in files of other
    // tokenizers.
    const std::size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == merge.size()) {
      throw Error(ErrorCode::kCorruptData, "tokenizer: merge " + std::to_string(rank) +
                                               " is not two symbols with a space between them");
    }
    const std::string_view left = merge.substr(0, space);
    const std::string_view right = merge.substr(space + 1);
    text.assign(left).append(right);
    // Vocabularies list the merges' results in the merges' order: mostly it is the token after the
    // last.
    const bool in_order =
        result + 1 < size() && vocabulary().text(static_cast<TokenId>(result + 1)) == text;
    result = in_order ? result + 1 : symbol(text);
    merges_.insert(symbol(left), symbol(right), {static_cast<std::uint32_t>(rank), result});
  }
}

void ByteBpeTokenizer::encode_text(std::string_view prefix, std::string_view text,
                                   std::vector<TokenId>& out) const {
  std::string repaired;
  if (!prefix.empty() || valid_utf8_prefix(text) != text.size()) {
    repaired = prefix;
    append_repaired_utf8(text, repaired);
    text = repaired;
  }
  Scratch scratch;
  std::uint32_t start = 0;
  for (const std::uint32_t end : pre_tokenizer_.split(text)) {
    encode_word(text.substr(start, end - start), scratch, out);
    start = end;
  }
}

void ByteBpeTokenizer::encode_word(std::string_view word, Scratch& scratch,
                                   std::vector<TokenId>& out) const {
  if (pre_tokenizer_.ignores_merges()) {
    if (const std::optional<TokenId> id = whole_word(word, scratch.encoded)) {
      out.push_back(*id);
      return;
    }
  }
  scratch.symbols.clear();
  for (std::uint32_t i = 0; i < word.size(); ++i) {
    scratch.symbols.push_back({i, 1, byte_symbols_[static_cast<unsigned char>(word[i])]});
  }
  scratch.merger.run(scratch.symbols, [&](const Symbol& left, const Symbol& right) {
    return merges_.find(left.id, right.id);
  });
  for (std::uint32_t at = 0; at != Merger::kEnd; at = scratch.symbols[at].next) {
    const Symbol& symbol = scratch.symbols[at];
    append_symbol(symbol.id, word.substr(symbol.start, symbol.length), out);
  }
}

std::optional<TokenId> ByteBpeTokenizer::whole_word(std::string_view word,
                                                    std::string& encoded) const {
  if (word.size() > vocabulary().piece_bytes_max()) return std::nullopt;
  encoded.clear();
  for (const char c : word) append_encoded(static_cast<unsigned char>(c), encoded);
  const std::optional<TokenId> id = vocabulary().find(encoded);
  return id && vocabulary().is_reachable(*id) ? id : std::nullopt;
}

// A symbol that is no token, or one that text must not become, is written as its bytes' tokens.
// Some models lack the tokens of a few control characters (SmolLM2: 0x04, 0x13 and more), which
// then vanish, as they do in llama.cpp; their unknown token is a control token, which no text may
// become.
void ByteBpeTokenizer::append_symbol(std::uint32_t id, std::string_view bytes,
                                     std::vector<TokenId>& out) const {
  const auto writable = [&](std::uint32_t symbol) {
    return symbol < size() && vocabulary().is_reachable(static_cast<TokenId>(symbol));
  };
  if (writable(id)) {
    out.push_back(static_cast<TokenId>(id));
    return;
  }
  for (const char c : bytes) {
    const std::uint32_t symbol = byte_symbols_[static_cast<unsigned char>(c)];
    if (writable(symbol)) out.push_back(static_cast<TokenId>(symbol));
  }
}

std::string ByteBpeTokenizer::piece_bytes(TokenId id) const {
  std::string_view text = vocabulary().text(id);
  std::string bytes;
  while (!text.empty()) {
    const auto [byte, length] = decoded_byte(text);
    // Outside the alphabet there is nothing to decode: the characters are what they are.
    if (byte < 0) return std::string(vocabulary().text(id));
    bytes += static_cast<char>(byte);
    text.remove_prefix(length);
  }
  return bytes;
}

}  // namespace hearth
