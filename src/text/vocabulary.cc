#include "text/vocabulary.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <initializer_list>
#include <string>

#include "base/error.h"

namespace hearth {
namespace {

using Texts = std::initializer_list<std::string_view>;

constexpr std::array<std::string_view, kSpecialRoles> kRoleKeys = {
    "tokenizer.ggml.bos_token_id",     "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.eot_token_id",     "tokenizer.ggml.eom_token_id",
    "tokenizer.ggml.unknown_token_id", "tokenizer.ggml.fim_pre_token_id",
    "tokenizer.ggml.fim_suf_token_id", "tokenizer.ggml.fim_mid_token_id",
    "tokenizer.ggml.fim_pad_token_id", "tokenizer.ggml.fim_rep_token_id",
    "tokenizer.ggml.fim_sep_token_id"};

// Files rarely name these roles; the tokens are known by their texts. A token with such a text is
// control whatever its type says, or a user could write it. First match in the order of token ids.
struct RoleTexts {
  SpecialRole role;
  Texts texts;
};
const RoleTexts kRoleTexts[] = {
    {SpecialRole::kEot,
     {"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>",
      "<EOT>", "_<EOT>", "[EOT]", "<｜end▁of▁sentence｜>", "<end_of_utterance>"}},
    {SpecialRole::kEom, {"<|eom_id|>"}},
    {SpecialRole::kFimPrefix,
     {"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>",
      "<|code_prefix|>", "<|prefix|>"}},
    {SpecialRole::kFimSuffix,
     {"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>",
      "<|code_suffix|>", "<|suffix|>"}},
    {SpecialRole::kFimMiddle,
     {"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>",
      "<|code_middle|>", "<|middle|>"}},
    {SpecialRole::kFimPad, {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}},
    {SpecialRole::kFimRepository,
     {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}},
    {SpecialRole::kFimSeparator, {"<|file_sep|>"}},
};

// Every one of these ends an answer, and is control whatever its type says.
const Texts kEndTexts = {"<|eot_id|>",
                         "<|im_end|>",
                         "<|end|>",
                         "<|return|>",
                         "<|call|>",
                         "<|flush|>",
                         "<|calls|>",
                         "<end_of_turn>",
                         "<|endoftext|>",
                         "</s>",
                         "<|eom_id|>",
                         "<EOT>",
                         "_<EOT>",
                         "[EOT]",
                         "[EOS]",
                         "<|end_of_text|>",
                         "<end_of_utterance>",
                         "<eos>",
                         "<turn|>",
                         "<|tool_response>",
                         "<｜end▁of▁sentence｜>",
                         "[e~["};

[[noreturn]] void throw_corrupt(const std::string& message) {
  throw Error(ErrorCode::kCorruptData, "tokenizer: " + message);
}

int hex_digit(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

VocabularyData read_vocabulary(const GgufMetadata& metadata) {
  VocabularyData data;
  data.model = metadata.string("tokenizer.ggml.model");
  data.pre_tokenizer = metadata.optional_string("tokenizer.ggml.pre").value_or("");
  data.model_name = metadata.optional_string("general.name").value_or("");
  data.pieces = metadata.strings("tokenizer.ggml.tokens");
  if (metadata.contains("tokenizer.ggml.scores"))
    data.scores = metadata.numbers("tokenizer.ggml.scores");
  if (metadata.contains("tokenizer.ggml.token_type")) {
    data.types = metadata.integers("tokenizer.ggml.token_type");
  }
  if (metadata.contains("tokenizer.ggml.merges"))
    data.merges = metadata.strings("tokenizer.ggml.merges");
  for (std::size_t i = 0; i < kSpecialRoles; ++i) {
    data.special_ids[i] = metadata.optional_unsigned(kRoleKeys[i]);
  }
  data.add_bos = metadata.optional_boolean("tokenizer.ggml.add_bos_token");
  data.add_eos = metadata.optional_boolean("tokenizer.ggml.add_eos_token");
  data.add_space_prefix = metadata.optional_boolean("tokenizer.ggml.add_space_prefix");
  return data;
}

Vocabulary::Vocabulary(const VocabularyData& data, const Defaults& defaults) {
  byte_tokens_.fill(-1);
  read_pieces(data);
  read_types(data);
  read_special_ids(data, defaults);
  find_special_texts();
  mark_ends();
  apply_exceptions(data.model_name);

  adds_bos_ = data.add_bos.value_or(defaults.add_bos);
  adds_eos_ = data.add_eos.value_or(false);
  if (adds_bos_ && !special_id(SpecialRole::kBos)) {
    throw_corrupt(
        "a BOS token is to be added, and there is none: tokenizer.ggml.bos_token_id is missing");
  }
  if (adds_eos_ && !special_id(SpecialRole::kEos)) {
    throw_corrupt(
        "an EOS token is to be added, and there is none: tokenizer.ggml.eos_token_id is missing");
  }
}

void Vocabulary::read_pieces(const VocabularyData& data) {
  const std::size_t count = data.pieces.size();
  if (count == 0) throw_corrupt("tokenizer.ggml.tokens is empty");
  if (count > kTokensMax) {
    throw Error(ErrorCode::kResourceExhausted, "tokenizer: " + std::to_string(count) +
                                                   " tokens; the limit is " +
                                                   std::to_string(kTokensMax));
  }
  std::size_t bytes = 0;
  for (const std::string_view piece : data.pieces) bytes += piece.size();
  texts_.reserve(count, bytes);
  attributes_.assign(count, 0);
  for (std::size_t id = 0; id < count; ++id) {
    std::string_view piece = data.pieces[id];
    std::string placeholder;
    if (piece.empty()) {
      placeholder = "[EMPTY_" + std::to_string(id) + "]";
      piece = placeholder;
    }
    if (piece.size() > kPieceBytesMax) {
      throw Error(ErrorCode::kResourceExhausted, "tokenizer: token " + std::to_string(id) +
                                                     " has " + std::to_string(piece.size()) +
                                                     " bytes of text; the limit is " +
                                                     std::to_string(kPieceBytesMax));
    }
    if (!texts_.insert(piece).second) {
      throw_corrupt("token " + std::to_string(id) + " has the same text as token " +
                    std::to_string(texts_.find(piece)));
    }
    piece_bytes_max_ = std::max(piece_bytes_max_, piece.size());
  }
}

void Vocabulary::read_types(const VocabularyData& data) {
  const auto check_length = [&](std::size_t length, std::string_view key) {
    if (length == 0 || length == size()) return;
    throw_corrupt("tokenizer.ggml." + std::string(key) + " has " + std::to_string(length) +
                  " entries for " + std::to_string(size()) + " tokens");
  };
  check_length(data.scores.size(), "scores");
  check_length(data.types.size(), "token_type");
  scores_ = data.scores;
  if (std::ranges::any_of(scores_, [](float score) { return std::isnan(score); })) {
    throw_corrupt("tokenizer.ggml.scores has an entry that is not a number");
  }
  for (std::size_t i = 0; i < size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    // "<0x0A>" serves as a byte's token whatever its type; a type of byte demands such a text.
    const std::optional<std::uint8_t> byte = parse_byte(text(id));
    if (byte && byte_tokens_[*byte] < 0) byte_tokens_[*byte] = id;
    switch (data.types.empty() ? 1 : data.types[i]) {
      case 2: set(id, kUnknown); break;
      case 3: set(id, kControl); break;
      case 4: set(id, kUserDefined); break;
      case 6:
        if (!byte) {
          throw_corrupt("token " + std::to_string(i) +
                        " is a byte token; its text has to be <0xNN> with two hexadecimal digits");
        }
        set(id, kByte);
        break;
      default: break;
    }
  }
}

void Vocabulary::read_special_ids(const VocabularyData& data, const Defaults& defaults) {
  for (std::size_t i = 0; i < kSpecialRoles; ++i) {
    const std::optional<std::uint64_t>& named = data.special_ids[i];
    if (named && *named >= size()) {
      throw_corrupt(std::string(kRoleKeys[i]) + " is " + std::to_string(*named) + "; there are " +
                    std::to_string(size()) + " tokens");
    }
    if (named) {
      special_ids_[i] = static_cast<TokenId>(*named);
    } else if (defaults.special_ids[i] && index(*defaults.special_ids[i]) < size()) {
      special_ids_[i] = defaults.special_ids[i];
    }
  }
}

void Vocabulary::find_special_texts() {
  for (const RoleTexts& entry : kRoleTexts) {
    std::optional<TokenId>& slot = special_ids_[static_cast<std::size_t>(entry.role)];
    if (slot) continue;
    for (const std::string_view candidate : entry.texts) {
      const std::optional<TokenId> id = find(candidate);
      if (id && (!slot || *id < *slot)) slot = id;
    }
    if (slot) set(*slot, kControl);
  }
}

void Vocabulary::mark_ends() {
  for (const SpecialRole role :
       {SpecialRole::kFimPad, SpecialRole::kFimRepository, SpecialRole::kFimSeparator,
        SpecialRole::kEos, SpecialRole::kEot, SpecialRole::kEom}) {
    if (const std::optional<TokenId> id = special_id(role)) set(*id, kEndsGeneration);
  }
  for (const std::string_view candidate : kEndTexts) {
    if (const std::optional<TokenId> id = find(candidate)) {
      set(*id, kEndsGeneration);
      set(*id, kControl);
    }
  }
}

// Families whose files do not say all: the rules are by the texts that only they have.
void Vocabulary::apply_exceptions(std::string_view model_name) {
  // Phi-3's special tokens swallow the white space after them, these three excepted.
  std::string lower(model_name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower.find("phi-3") == std::string::npos && lower.find("phi3") == std::string::npos) return;
  for (std::uint8_t& attributes : attributes_) {
    if ((attributes & (kControl | kUserDefined | kUnknown)) != 0) attributes |= kStripRight;
  }
  for (const std::string_view keeps : {"<unk>", "<s>", "<|endoftext|>"}) {
    if (const std::optional<TokenId> id = find(keeps)) clear(*id, kStripRight);
  }
}

std::optional<TokenId> Vocabulary::find(std::string_view wanted) const noexcept {
  const std::uint32_t id = texts_.find(wanted);
  if (id == StringIndex::kNone) return std::nullopt;
  return static_cast<TokenId>(id);
}

std::optional<std::uint8_t> Vocabulary::parse_byte(std::string_view text) noexcept {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  const int high = hex_digit(text[3]);
  const int low = hex_digit(text[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<std::uint8_t>(high * 16 + low);
}

std::optional<TokenId> Vocabulary::byte_token(std::uint8_t byte) const noexcept {
  if (byte_tokens_[byte] < 0) return std::nullopt;
  return byte_tokens_[byte];
}

}  // namespace hearth
