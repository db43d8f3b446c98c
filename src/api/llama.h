// llama-server's own routes: /tokenize, /detokenize, /apply-template, /slots, /health. Parsers
// throw FieldError.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/fields.h"

namespace hearth {

std::span<const Field> llama_tokenize_fields() noexcept;
std::span<const Field> llama_detokenize_fields() noexcept;
std::span<const Field> llama_template_fields() noexcept;

struct LlamaTokenizeCall {
  std::string model;  // empty: the only one in memory, the default, the only one in the library
  RawText text;
  bool with_pieces = false;
};
struct LlamaDetokenizeCall {
  std::string model;
  std::vector<TokenId> tokens;
};
struct LlamaTemplateCall {
  std::string model;
  Conversation conversation;
};
LlamaTokenizeCall parse_llama_tokenize(std::string_view body);
LlamaDetokenizeCall parse_llama_detokenize(std::string_view body);
LlamaTemplateCall parse_llama_template(std::string_view body);

std::string llama_tokenize_reply(
    std::span<const TokenId> tokens,
    std::span<const std::string> pieces);  // pieces: empty unless asked
std::string llama_detokenize_reply(std::string_view text);
std::string llama_template_reply(std::string_view prompt);
struct LlamaSlot {
  std::uint64_t id = 0;
  std::string model;
  bool processing = false;
  std::size_t context = 0;
};
std::string llama_slots_reply(std::span<const LlamaSlot> slots);

}  // namespace hearth
