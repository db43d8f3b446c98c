// Vocabularies of a few hundred tokens, complete and made in memory, for tests and fuzzing. The
// object owns the strings that `data` looks at: keep it while the data is used.
#pragma once

#include <cstdio>
#include <deque>
#include <string>
#include <string_view>

#include "text/vocabulary.h"

namespace hearth {

struct SmallVocabulary {
  VocabularyData data;
  std::deque<std::string> strings;  // a deque never moves its elements

  std::string_view keep(std::string text) { return strings.emplace_back(std::move(text)); }
  void add(std::string text, std::int64_t type, float score = 0) {
    data.pieces.push_back(keep(std::move(text)));
    data.types.push_back(type);
    data.scores.push_back(score);
  }
  void set_special(SpecialRole role, std::uint64_t id) {
    data.special_ids[static_cast<std::size_t>(role)] = id;
  }
};

inline constexpr std::int64_t kNormalType = 1;
inline constexpr std::int64_t kUnknownType = 2;
inline constexpr std::int64_t kControlType = 3;
inline constexpr std::int64_t kUserDefinedType = 4;
inline constexpr std::int64_t kByteType = 6;

// Byte-level BPE over a few letters. "<s>" 0 (BOS) and "</s>" 1 (EOS) are control, "<tool>" 2 and
// "<tool>x" 3 user-defined; 256 byte symbols follow, then what the merges make.
inline SmallVocabulary small_byte_bpe(std::string_view pre_tokenizer = "gpt-2") {
  SmallVocabulary made;
  made.data.model = "gpt2";
  made.data.pre_tokenizer = pre_tokenizer;
  made.add("<s>", kControlType);
  made.add("</s>", kControlType);
  made.add("<tool>", kUserDefinedType);
  made.add("<tool>x", kUserDefinedType);
  made.add("end", kControlType);
  unsigned next = 256;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool prints = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    const unsigned c = prints ? byte : next++;
    std::string text;
    if (c < 0x80) {
      text = {static_cast<char>(c)};
    } else {
      text = {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
    }
    made.add(text, kNormalType);
  }
  // "\u0120" is the space. The last one's result is no token of its own but a step to the one
  // before it.
  for (const char* merge :
       {"a a", "b a", "a b", "aa b", "\u0120 a", "\u0120a b", "aa aa", "aaaa aaaa", "c a",
        "\u0120 \u0120", "< s", "<s >", "b c", "1 2", "ab ab", "c c", "e n", "en d"}) {
    made.data.merges.push_back(merge);
    std::string text(merge);
    text.erase(text.find(' ', 1), 1);
    if (text != "<s>" && text != "cc" && text != "end") made.add(text, kNormalType);
  }
  made.set_special(SpecialRole::kBos, 0);
  made.set_special(SpecialRole::kEos, 1);
  return made;
}

// SentencePiece: "<unk>" 0, "<s>" 1, "</s>" 2, "<tool>" 3 (user-defined), bytes 4 to 259, then
// pieces.
inline SmallVocabulary small_sentence_piece() {
  SmallVocabulary made;
  made.data.model = "llama";
  made.add("<unk>", kUnknownType);
  made.add("<s>", kControlType);
  made.add("</s>", kControlType);
  made.add("<tool>", kUserDefinedType);
  for (int byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", byte);
    made.add(text, kByteType);
  }
  float score = 0;
  for (const char* piece :
       {"\u2581a", "ab", "\u2581\u2581", "aa", "\u2581ab", "ba", "aab", "é", "<s", "abab",
        "\u2581\u2581\u2581\u2581", "\u2581", "a", "b", "c", "<", "s", ">", "bc"}) {
    made.add(piece, kNormalType, score);
    score -= 1;
  }
  return made;
}

}  // namespace hearth
