// PreTokenizer: cuts text into the words that byte-level BPE merges within, by the regular
// expressions that a model was trained with. One table entry per named set of expressions
// (tokenizer.ggml.pre). Owns compiled PCRE2 programs; immutable after construction: any thread may
// split.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace hearth {

class PreTokenizer {
 public:
  // Throws kUnsupported, naming it, when no entry has this name. "" is "default".
  explicit PreTokenizer(std::string_view name);
  ~PreTokenizer();
  PreTokenizer(PreTokenizer&&) noexcept;

  // The ends of the words in `text`, ascending, the last one text.size(); empty for an empty text.
  // `text` is well-formed UTF-8 (utf8.h) of less than 4 GiB.
  std::vector<std::uint32_t> split(std::string_view text) const;

  // What such models do besides, where the file does not say.
  bool ignores_merges() const noexcept;  // a word that is a token needs no merges
  bool adds_bos() const noexcept;

 private:
  struct Program;
  struct Family;

  static const Family& find(std::string_view name);

  const Family& family_;
  std::vector<std::unique_ptr<Program>> programs_;  // each cuts what the one before left
};

}  // namespace hearth
