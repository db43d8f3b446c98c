// What clients send: the bodies of OpenAI's, Anthropic's, Ollama's and llama-server's calls. The
// first byte of the input chooses the parser. What parses is answered with the input's own bytes as
// the model's text, whole and as a stream: the reply is JSON whatever they are.
//
// clang-format off: a script reads these lines
// covers: src/api/fields.cc src/api/values.cc src/api/harmless.cc src/api/generation.cc
// src/api/error.cc src/api/reply_json.cc src/api/openai_*.cc src/api/anthropic*.cc
// src/api/ollama_*.cc src/api/llama.cc src/api/duration.cc
// clang-format on
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/anthropic.h"
#include "api/error.h"
#include "api/llama.h"
#include "api/ollama.h"
#include "api/openai.h"
#include "base/check.h"
#include "base/error.h"
#include "base/utf8.h"

namespace hearth {
namespace {

constexpr std::size_t kPieceBytes = 7;  // cuts words and characters

// A piece's text is whole characters; a token's bytes are any.
void answer(ReplyWriter& writer, std::string_view bytes, bool logprobs) {
  std::string text;
  append_repaired_utf8(bytes, text);
  Piece piece{.text = text, .logprobs = {}};
  if (logprobs) {
    const TokenLogprob token{.id = 1, .bytes = std::string(bytes), .logprob = -0.5f};
    piece.logprobs = {{.token = token, .top = {token, token}}};
  }
  writer.piece(0, piece);
}

void reply(ReplyWriter& writer, std::string_view text, bool logprobs) {
  writer.begin(text.size(), text.size() / 2);
  for (std::size_t at = 0; at < text.size(); at += kPieceBytes) {
    answer(writer, text.substr(at, kPieceBytes), logprobs);
  }
  AnswerEnd end;
  end.finish = static_cast<Finish>(text.size() % 4);
  end.stop_text = text;
  writer.finish(0, end);
  writer.ping();
  const std::string last = writer.end({.prompt_tokens = 1, .dropped_tokens = text.size()}, {});
  if (writer.content_type() == "application/json") CHECK(nlohmann::json::accept(last));
  writer.error(api_error(Error(ErrorCode::kUnavailable, std::string(text))));
}

using MakeWriter = std::unique_ptr<ReplyWriter> (*)(const GenerateCall&, const ReplyHead&);

void both_ways(GenerateCall call, MakeWriter make, std::string_view text) {
  CHECK(!call.prompts.empty() && call.prompts.size() * call.n <= 64);
  validate(call.sampling);
  for (const bool stream : {false, true}) {
    call.stream = stream;
    const auto writer = make(call, {.id = "1", .model = call.model, .created_unix_ms = 0});
    reply(*writer, text.substr(0, 256), call.top_logprobs.has_value());
  }
}

void chat(std::string_view text) {
  both_ways(parse_openai_chat(text), make_openai_chat_writer, text);
}
void completion(std::string_view text) {
  both_ways(parse_openai_completion(text), make_openai_completion_writer, text);
}
void message(std::string_view text) {
  both_ways(parse_anthropic_message(text), make_anthropic_writer, text);
}
void count(std::string_view text) {
  CHECK(parse_anthropic_count(text).max_tokens == 0U);
  CHECK(nlohmann::json::accept(anthropic_count_reply(text.size())));
}
void embedding(std::string_view text) {
  const EmbedCall call = parse_openai_embedding(text);
  CHECK(!call.inputs.empty());
  const std::vector<std::vector<float>> embeddings(2, std::vector<float>(text.size() % 8, 0.1f));
  CHECK(nlohmann::json::accept(openai_embedding_reply(call, embeddings, {})));
  ModelEntry model;
  model.name = call.model;
  CHECK(nlohmann::json::accept(openai_models_reply({&model, 1})));
  CHECK(nlohmann::json::accept(openai_model_reply(model)));
}

void ollama_call(GenerateCall call, MakeWriter make, std::string_view text) {
  if (!call.prompts.empty()) both_ways(call, make, text);
  const std::string reply = ollama_loaded_reply(call, {}, false);
  CHECK(nlohmann::json::accept(reply));
}
void ollama_generate(std::string_view text) {
  ollama_call(parse_ollama_generate(text), make_ollama_generate_writer, text);
}
void ollama_chat(std::string_view text) {
  ollama_call(parse_ollama_chat(text), make_ollama_chat_writer, text);
}
void ollama_embed(std::string_view text) {
  const EmbedCall call = parse_ollama_embed(text);
  const std::vector<std::vector<float>> embeddings(2, std::vector<float>(text.size() % 8, 0.1f));
  CHECK(nlohmann::json::accept(ollama_embed_reply(call, embeddings, {}, {})));
}
void ollama_create(std::string_view text) {
  const OllamaCreateCall call = parse_ollama_create(text);
  GenerateCall with;
  apply_ollama_parameters(call.parameters, with);
  validate(with.sampling);
  ModelDescription model;
  model.parameters = call.parameters;
  model.system = model.model.name = call.model;
  CHECK(nlohmann::json::accept(ollama_show_reply(model, true)));
}
void ollama_pull(std::string_view text) {
  OllamaProgress progress;
  progress.status = parse_ollama_pull(text).model;
  CHECK(nlohmann::json::accept(ollama_progress_line(progress)));
}
void tokenize(std::string_view text) {
  const LlamaTokenizeCall call = parse_llama_tokenize(text);
  CHECK(nlohmann::json::accept(llama_tokenize_reply(std::vector<TokenId>{1}, {&call.model, 1})));
}
void detokenize(std::string_view text) {
  CHECK(nlohmann::json::accept(llama_tokenize_reply(parse_llama_detokenize(text).tokens, {})));
}
void apply_template(std::string_view text) {
  CHECK(!parse_llama_template(text).conversation.messages.empty());
}

}  // namespace
}  // namespace hearth

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Parser = void (*)(std::string_view);
  static constexpr Parser kParsers[] = {
      hearth::chat,          hearth::completion,      hearth::message,     hearth::count,
      hearth::embedding,     hearth::ollama_generate, hearth::ollama_chat, hearth::ollama_embed,
      hearth::ollama_create, hearth::ollama_pull,     hearth::tokenize,    hearth::detokenize,
      hearth::apply_template};
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    kParsers[data[0] % std::size(kParsers)](text);
  } catch (const hearth::Error& error) {
    // A refusal is a reply too.
    for (const auto dialect : {hearth::Dialect::kOpenAi, hearth::Dialect::kAnthropic,
                               hearth::Dialect::kOllama, hearth::Dialect::kLlama}) {
      CHECK(nlohmann::json::accept(hearth::error_body(dialect, hearth::api_error(error), "1")));
    }
  }
  return 0;
}
