// Ollama's dialect: /api/*. Parsers throw FieldError. (The contract: the official clients, Python's
// and Node's `ollama`.)
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/call.h"
#include "api/fields.h"
#include "api/model_entry.h"
#include "api/reply_writer.h"

namespace hearth {

std::span<const Field> ollama_generate_fields() noexcept;
std::span<const Field> ollama_chat_fields() noexcept;
std::span<const Field> ollama_embed_fields() noexcept;       // /api/embed
std::span<const Field> ollama_embeddings_fields() noexcept;  // /api/embeddings, the old one
std::span<const Field> ollama_model_fields() noexcept;       // show, delete: {model | name, …}
std::span<const Field> ollama_pull_fields() noexcept;        // pull, push
std::span<const Field> ollama_copy_fields() noexcept;
std::span<const Field> ollama_create_fields() noexcept;

// An empty prompt or no messages: prompts is empty, which asks to load the model (or, with
// keep_alive 0, to unload it).
GenerateCall parse_ollama_generate(std::string_view body);
GenerateCall parse_ollama_chat(std::string_view body);
EmbedCall parse_ollama_embed(std::string_view body);
EmbedCall parse_ollama_embeddings(std::string_view body);

// A model's own parameters (ModelDescription's) where the request sets none: call.options_given.
void apply_ollama_parameters(std::span<const std::pair<std::string, std::string>> parameters,
                             GenerateCall& call);

struct OllamaModelCall {
  std::string model;
  bool verbose = false;
};
struct OllamaPullCall {
  std::string model;
  bool stream = true;
};
struct OllamaCopyCall {
  std::string source, destination;
};
struct OllamaCreateCall {
  std::string model;
  std::string from;                                        // a model of the library; empty: files
  std::vector<std::pair<std::string, std::string>> files;  // name, "sha256:…"
  std::optional<std::string> chat_template, system, licence;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::vector<Message> messages;
  bool stream = true;
};
OllamaModelCall parse_ollama_model(std::string_view body);
OllamaPullCall parse_ollama_pull(std::string_view body);
OllamaCopyCall parse_ollama_copy(std::string_view body);
OllamaCreateCall parse_ollama_create(std::string_view body);

std::unique_ptr<ReplyWriter> make_ollama_generate_writer(const GenerateCall& call,
                                                         const ReplyHead& head);
std::unique_ptr<ReplyWriter> make_ollama_chat_writer(const GenerateCall& call,
                                                     const ReplyHead& head);
// The reply to a call without a prompt: done_reason "load" or "unload".
std::string ollama_loaded_reply(const GenerateCall& call, const ReplyHead& head, bool chat);
std::string ollama_embed_reply(const EmbedCall& call,
                               std::span<const std::vector<float>> embeddings,
                               const TokenUsage& usage, const CallTimings& timings);
std::string ollama_embeddings_reply(std::span<const float> embedding);
std::string ollama_tags_reply(std::span<const ModelEntry> models);
std::string ollama_ps_reply(std::span<const RunningModel> models);
std::string ollama_show_reply(const ModelDescription& model, bool verbose);
std::string ollama_version_reply(std::string_view version);
// One line of a pull, push or create: {"status":…}, with digest and bytes where there are any.
struct OllamaProgress {
  std::string status, digest;
  std::optional<std::uint64_t> total, completed;
};
std::string ollama_progress_line(const OllamaProgress& progress);

}  // namespace hearth
