#include "text/tokenizer_base.h"

#include "base/error.h"

namespace hearth {

TokenizerBase::TokenizerBase(const VocabularyData& data, const Vocabulary::Defaults& defaults,
                             bool adds_space_prefix)
    : vocabulary_(data, defaults), specials_(vocabulary_), adds_space_prefix_(adds_space_prefix) {}

std::vector<TokenId> TokenizerBase::encode(std::string_view text, EncodeOptions options) const {
  if (text.size() > kTextBytesMax) {
    throw Error(ErrorCode::kResourceExhausted, "the text has " + std::to_string(text.size()) +
                                                   " bytes; the limit is " +
                                                   std::to_string(kTextBytesMax) + ": split it");
  }
  const std::vector<Fragment> fragments =
      specials_.split(text, options.parse_special, options.plain);
  std::vector<TokenId> ids;
  // A template that writes BOS or EOS itself does not get a second one.
  const bool has_bos =
      !fragments.empty() && fragments.front().token && fragments.front().token == bos();
  const bool has_eos =
      !fragments.empty() && fragments.back().token && fragments.back().token == eos();
  if (options.add_special && vocabulary_.adds_bos() && !has_bos) ids.push_back(*bos());
  bool after_special = true;
  for (const Fragment& fragment : fragments) {
    if (fragment.token) {
      ids.push_back(*fragment.token);
    } else {
      const bool prefixed = adds_space_prefix_ && after_special;
      encode_text(prefixed ? " " : "", text.substr(fragment.begin, fragment.end - fragment.begin),
                  ids);
    }
    after_special = fragment.token.has_value();
  }
  if (options.add_special && vocabulary_.adds_eos() && !has_eos) ids.push_back(*eos());
  return ids;
}

std::string TokenizerBase::piece(TokenId id, bool special) const {
  if (!contains(id)) {
    throw Error(ErrorCode::kInvalidArgument, "there is no token " + std::to_string(id) +
                                                 "; the vocabulary's ids are 0 to " +
                                                 std::to_string(size() - 1));
  }
  if (vocabulary_.is_control(id) || vocabulary_.is_unknown(id)) {
    return special ? std::string(vocabulary_.text(id)) : std::string();
  }
  if (vocabulary_.is_user_defined(id)) return std::string(vocabulary_.text(id));
  if (vocabulary_.is_byte(id)) {
    return std::string(1, static_cast<char>(*Vocabulary::parse_byte(vocabulary_.text(id))));
  }
  return piece_bytes(id);
}

std::string TokenizerBase::decode(const std::vector<TokenId>& ids, bool special) const {
  std::string text;
  bool prefixed = adds_space_prefix_;
  for (const TokenId id : ids) {
    const std::string bytes = piece(id, special);
    const bool takes_prefix = takes_space_prefix_after(id);
    text.append(bytes, prefixed && !takes_prefix && bytes.starts_with(' ') ? 1 : 0);
    prefixed = takes_prefix;
  }
  return text;
}

bool TokenizerBase::is_control(TokenId id) const noexcept {
  return contains(id) && vocabulary_.is_control(id);
}

bool TokenizerBase::takes_space_prefix_after(TokenId id) const noexcept {
  return adds_space_prefix_ && contains(id) &&
         (vocabulary_.is_control(id) || vocabulary_.is_unknown(id) ||
          vocabulary_.is_user_defined(id));
}

bool TokenizerBase::ends_generation(TokenId id) const noexcept {
  return contains(id) && vocabulary_.ends_generation(id);
}

}  // namespace hearth
