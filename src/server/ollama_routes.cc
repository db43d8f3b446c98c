// Ollama's routes.
#include "api/ollama.h"
#include "base/error.h"
#include "server/embedding.h"
#include "server/generation.h"
#include "server/service.h"

namespace hearth {
namespace {

const std::string& body_of(const Call& call) { return call.exchange->request().body; }

// Without a prompt: loads the model; with a keep_alive of 0, lets it go.
void load_only(Service& service, const Call& call, const GenerateCall& wanted, bool chat) {
  const std::optional<double> keep_alive = keep_alive_of(call, wanted.keep_alive);
  if (keep_alive == 0.0) {
    service.host.unload(wanted.model);
  } else {
    service.host.acquire(wanted.model, keep_alive, &call.exchange->gone());
  }
  reply_json(call, ollama_loaded_reply(wanted, reply_head(call, wanted.model), chat));
}

void generate(Service& service, const Call& call, GenerateCall wanted, bool chat) {
  if (wanted.prompts.empty()) return load_only(service, call, wanted, chat);
  answer(service, call, std::move(wanted),
         chat ? make_ollama_chat_writer : make_ollama_generate_writer);
}

}  // namespace

Route ollama_route(std::string method, std::string path, Permission permission, std::string summary,
                   std::function<void(const Call&)> handle, std::span<const Field> fields) {
  return {.method = std::move(method),
          .path = std::move(path),
          .permission = permission,
          .dialect = Dialect::kOllama,
          .summary = std::move(summary),
          .handle = std::move(handle),
          .fields = fields};
}

void add_ollama_routes(Router& router, Service& service) {
  router.add(ollama_route(
      "POST", "/api/generate", Permission::kUse, "Answers a prompt",
      [&service](const Call& call) {
        generate(service, call, parse_ollama_generate(body_of(call)), false);
      },
      ollama_generate_fields()));
  router.add(ollama_route(
      "POST", "/api/chat", Permission::kUse, "Answers a conversation",
      [&service](const Call& call) {
        generate(service, call, parse_ollama_chat(body_of(call)), true);
      },
      ollama_chat_fields()));
  router.add(ollama_route(
      "POST", "/api/embed", Permission::kUse, "Texts as vectors of length 1",
      [&service](const Call& call) {
        const EmbedCall wanted = parse_ollama_embed(body_of(call));
        embed(service, call, wanted, [wanted](const Embeddings& made) {
          return ollama_embed_reply(wanted, made.vectors, made.usage, made.timings);
        });
      },
      ollama_embed_fields()));
  router.add(ollama_route(
      "POST", "/api/embeddings", Permission::kUse, "A text as a vector (the old form)",
      [&service](const Call& call) {
        embed(service, call, parse_ollama_embeddings(body_of(call)), [](const Embeddings& made) {
          return ollama_embeddings_reply(made.vectors.empty() ? std::vector<float>()
                                                              : made.vectors[0]);
        });
      },
      ollama_embeddings_fields()));
  router.add(ollama_route(
      "GET", "/api/version", Permission::kPublic, "The server's version",
      [&service](const Call& call) { reply_json(call, ollama_version_reply(service.version)); }));
  add_ollama_library_routes(router, service);
}

}  // namespace hearth
