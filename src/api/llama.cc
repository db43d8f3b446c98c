#include "api/llama.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "api/error.h"
#include "api/openai.h"
#include "api/reply_json.h"
#include "api/values.h"
#include "base/utf8.h"

namespace hearth {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr Field kModelField = {"model", kFieldString, 0, kFieldNameBytesMax,
                               "The model; empty: the only one in memory, the default, or the "
                               "only one in the library."};
constexpr Field kTokenizeFields[] = {
    kModelField,
    {"content", kFieldString, 0, kFieldTextBytesMax, "The text.", true},
    {"add_special", kFieldBoolean, 0, 0, "BOS and EOS as the model has them; default false."},
    {"parse_special", kFieldBoolean, 0, 0, "Control tokens in the text count; default true."},
    {"with_pieces", kFieldBoolean, 0, 0, "Also the text of each token."},
};
constexpr Field kDetokenizeFields[] = {
    kModelField,
    {"tokens", kFieldArray, 0, kValuesMax, "The tokens.", true},
};

// A text, or where it is not UTF-8 (half a character) its bytes.
ordered_json piece_json(const std::string& piece) {
  if (valid_utf8_prefix(piece) == piece.size()) return piece;
  ordered_json bytes = ordered_json::array();
  for (const char byte : piece) bytes.push_back(static_cast<unsigned char>(byte));
  return bytes;
}

}  // namespace

std::span<const Field> llama_tokenize_fields() noexcept { return kTokenizeFields; }
std::span<const Field> llama_detokenize_fields() noexcept { return kDetokenizeFields; }

// The messages are those of /v1/chat/completions.
std::span<const Field> llama_template_fields() noexcept {
  static const std::vector<Field> fields = [] {
    std::vector<Field> table{kModelField};
    for (const Field& field : openai_chat_fields()) {
      if (field.name == "messages") table.push_back(field);
    }
    return table;
  }();
  return fields;
}

LlamaTokenizeCall parse_llama_tokenize(std::string_view body) {
  const json request = parse_body(body);
  check_fields(request, kTokenizeFields);
  LlamaTokenizeCall call;
  call.text = {.text = {}, .add_special = false, .parse_special = true};
  read_field(request, "model", call.model);
  read_field(request, "content", call.text.text);
  read_field(request, "add_special", call.text.add_special);
  read_field(request, "parse_special", call.text.parse_special);
  read_field(request, "with_pieces", call.with_pieces);
  return call;
}

LlamaDetokenizeCall parse_llama_detokenize(std::string_view body) {
  const json request = parse_body(body);
  check_fields(request, kDetokenizeFields);
  LlamaDetokenizeCall call;
  read_field(request, "model", call.model);
  call.tokens = read_tokens(request, "tokens");
  return call;
}

LlamaTemplateCall parse_llama_template(std::string_view body) {
  json request = parse_body(body);
  check_fields(request, llama_template_fields());
  LlamaTemplateCall call;
  read_field(request, "model", call.model);
  request["model"] = "-";  // which OpenAI's parser wants, and which says nothing here
  GenerateCall chat = parse_openai_chat(request.dump());
  call.conversation = std::get<Conversation>(std::move(chat.prompts.front()));
  return call;
}

std::string llama_tokenize_reply(std::span<const TokenId> tokens,
                                 std::span<const std::string> pieces) {
  ordered_json list = ordered_json::array();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i < pieces.size()) {
      list.push_back({{"id", tokens[i]}, {"piece", piece_json(pieces[i])}});
    } else {
      list.push_back(tokens[i]);
    }
  }
  return to_text({{"tokens", std::move(list)}});
}

std::string llama_detokenize_reply(std::string_view text) { return to_text({{"content", text}}); }
std::string llama_template_reply(std::string_view prompt) { return to_text({{"prompt", prompt}}); }

std::string llama_slots_reply(std::span<const LlamaSlot> slots) {
  ordered_json list = ordered_json::array();
  for (const LlamaSlot& slot : slots) {
    ordered_json next{{"has_next_token", slot.processing}};
    list.push_back({{"id", slot.id},
                    {"model", slot.model},
                    {"n_ctx", slot.context},
                    {"speculative", false},
                    {"is_processing", slot.processing},
                    {"next_token", ordered_json::array({std::move(next)})}});
  }
  return to_text(list);
}

}  // namespace hearth
