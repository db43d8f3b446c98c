#include "text/detokenizer.h"

#include <utility>

#include "base/utf8.h"

namespace hearth {

Detokenizer::Detokenizer(std::shared_ptr<const Tokenizer> tokenizer,
                         std::optional<TokenId> previous, bool special)
    : tokenizer_(std::move(tokenizer)),
      special_(special),
      drops_space_(previous ? tokenizer_->takes_space_prefix_after(*previous)
                            : tokenizer_->adds_space_prefix()) {}

std::string Detokenizer::push(TokenId id) {
  const std::string piece = tokenizer_->piece(id, special_);
  const bool is_special = tokenizer_->takes_space_prefix_after(id);
  pending_.append(piece, drops_space_ && !is_special && piece.starts_with(' ') ? 1 : 0);
  drops_space_ = is_special;

  std::string text;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const std::size_t valid = valid_utf8_prefix(rest);
    text.append(rest.substr(0, valid));
    rest.remove_prefix(valid);
    if (rest.empty()) break;
    const Utf8Unit unit = first_utf8_unit(rest);
    if (unit.kind == Utf8Kind::kIncomplete) break;
    text.append(kReplacementCharacter);
    rest.remove_prefix(unit.length);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return text;
}

std::string Detokenizer::flush() {
  std::string text;
  append_repaired_utf8(std::exchange(pending_, {}), text);
  return text;
}

}  // namespace hearth
