// /api/embed, and /api/embeddings as it was before.
#include <nlohmann/json.hpp>

#include "api/error.h"
#include "api/ollama.h"
#include "api/ollama_reply.h"
#include "api/ollama_request.h"

namespace hearth {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::size_t kInputsMax = 2048;  // as many as OpenAI's embeddings take

std::vector<Field> with_shared_fields(std::vector<Field> fields) {
  const Field shared[] = {
      {"model", kFieldString, 1, kFieldNameBytesMax, "The model that embeds.", true},
      {"options", kFieldObject, 0, kListMax, "Taken; they are about answers.", false,
       Field::Served::kNoEffect, nullptr, ollama_option_fields()},
      {"keep_alive", kFieldNumber | kFieldString, -kKeepAliveMax, kKeepAliveMax,
       "How long the model stays: seconds, or a text like \"5m\"; negative: for ever; 0: it goes. "
       "An admin's counts."},
  };
  fields.insert(fields.end(), std::begin(shared), std::end(shared));
  return fields;
}

// One text or several; an empty one alone asks for none.
std::vector<std::string> read_inputs(const json& body) {
  const json* input = find_field(body, "input");
  if (input == nullptr || is_empty_or_false(*input)) return {};
  return read_strings(body, "input", kInputsMax, static_cast<std::size_t>(kFieldTextBytesMax));
}

}  // namespace

std::span<const Field> ollama_embed_fields() noexcept {
  static const std::vector<Field> fields = with_shared_fields({
      {"input", kFieldString | kFieldArray, 0, kFieldTextBytesMax, "A text, or at most 2048."},
      {"truncate", kFieldBoolean, 0, 0,
       "Cut a text that is too long; else it is refused, the default."},
      {"dimensions", kFieldInteger, 0, kFieldInt32Max,
       "The first so many numbers of each, normalized again; 0: all."},
  });
  return fields;
}

std::span<const Field> ollama_embeddings_fields() noexcept {
  static const std::vector<Field> fields = with_shared_fields({
      {"prompt", kFieldString, 0, kFieldTextBytesMax, "The text."},
  });
  return fields;
}

EmbedCall parse_ollama_embed(std::string_view body) {
  const json request = parse_ollama_body(body, ollama_embed_fields());
  EmbedCall call;
  read_field(request, "model", call.model);
  for (std::string& text : read_inputs(request)) call.inputs.emplace_back(std::move(text));
  read_field(request, "truncate", call.truncate);
  read_field(request, "dimensions", call.dimensions);
  if (call.dimensions == 0) call.dimensions.reset();
  call.keep_alive = keep_alive_field(request);
  return call;
}

EmbedCall parse_ollama_embeddings(std::string_view body) {
  const json request = parse_ollama_body(body, ollama_embeddings_fields());
  EmbedCall call;
  read_field(request, "model", call.model);
  if (std::optional<std::string> text = text_field(request, "prompt")) {
    call.inputs.emplace_back(std::move(*text));
  }
  call.keep_alive = keep_alive_field(request);
  return call;
}

std::string ollama_embed_reply(const EmbedCall& call,
                               std::span<const std::vector<float>> embeddings,
                               const TokenUsage& usage, const CallTimings& timings) {
  std::string vectors;
  for (const std::vector<float>& embedding : embeddings) {
    if (!vectors.empty()) vectors += ',';
    vectors += number_array(embedding);
  }
  ordered_json rest{{"total_duration", nanoseconds(timings.total_seconds)},
                    {"load_duration", nanoseconds(timings.load_seconds)},
                    {"prompt_eval_count", usage.prompt_tokens}};
  add_token_budget(usage, rest);
  return "{\"model\":" + json_string(call.model) + ",\"embeddings\":[" + vectors + "]," +
         to_text(rest).substr(1);
}

std::string ollama_embeddings_reply(std::span<const float> embedding) {
  return "{\"embedding\":" + number_array(embedding) + "}";
}

}  // namespace hearth
