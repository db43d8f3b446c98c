// Ollama's routes.
#include "api/ollama.h"
#include "base/error.h"
#include "server/embedding.h"
#include "server/generation.h"
#include "server/service.h"

namespace hearth {
namespace {

Route route(std::string method, std::string path, Permission permission, std::string summary,
            std::function<void(const Call&)> handle, std::span<const Field> fields = {}) {
  return {.method = std::move(method),
          .path = std::move(path),
          .permission = permission,
          .dialect = Dialect::kOllama,
          .summary = std::move(summary),
          .handle = std::move(handle),
          .fields = fields};
}

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

// The lines of a pull, one whenever a part more has come.
void pull(Service& service, const Call& call) {
  const OllamaPullCall wanted = parse_ollama_pull(body_of(call));
  const ModelRef ref = ModelRef::parse(wanted.model);
  if (ref.kind > ModelRef::Kind::kRegistry) {
    throw FieldError("model", "the API pulls from hubs and registries; '" + wanted.model +
                                  "' is for the command line: hearth pull");
  }
  bool streaming = false;
  const auto say = [&](const OllamaProgress& progress) {
    if (!wanted.stream) return;
    if (!streaming) {
      HttpFields headers = id_headers(call.id);
      headers.emplace_back("Content-Type", "application/x-ndjson");
      call.exchange->begin(200, std::move(headers));
      streaming = true;
    }
    call.exchange->write(ollama_progress_line(progress));
  };
  try {
    PullOptions options;
    options.cancel = &call.exchange->gone();
    options.observer = [&](const PullProgress& progress) {
      say({.status = "pulling " + wanted.model,
           .digest = "",
           .total = progress.bytes_total,
           .completed = progress.bytes_done});
    };
    say({.status = "pulling manifest", .digest = "", .total = {}, .completed = {}});
    service.library.pull(ref, options);
    for (const char* status : {"verifying sha256 digest", "writing manifest"}) {
      say({.status = status, .digest = "", .total = {}, .completed = {}});
    }
  } catch (const std::exception& thrown) {
    if (!streaming) throw;
    const auto* known = dynamic_cast<const Error*>(&thrown);
    const Error error = known ? *known : Error(ErrorCode::kInternal, thrown.what());
    call.exchange->write(error_body(Dialect::kOllama, api_error(error), call.id) + "\n");
    return call.exchange->end();
  }
  const std::string success =
      ollama_progress_line({.status = "success", .digest = "", .total = {}, .completed = {}});
  if (!wanted.stream) return reply_json(call, success);
  call.exchange->write(success);
  call.exchange->end();
}

void copy(Service& service, const Call& call) {
  const OllamaCopyCall wanted = parse_ollama_copy(body_of(call));
  find_in_library(service.library, wanted.source);
  service.library.copy(ModelRef::parse(wanted.source), ModelRef::parse(wanted.destination), {});
  reply_json(call, "{}");
}

void remove(Service& service, const Call& call) {
  const std::string name = parse_ollama_model(body_of(call)).model;
  find_in_library(service.library, name);
  service.host.unload(name);
  service.library.remove(service.library.canonical(ModelRef::parse(name)));
  reply_json(call, "{}");
}

void add_library_routes(Router& router, Service& service) {
  router.add(route("GET", "/api/tags", Permission::kUse, "The models of the library",
                   [&service](const Call& call) {
                     reply_json(call, ollama_tags_reply(model_entries(service.library)));
                   }));
  router.add(route(
      "POST", "/api/show", Permission::kUse, "What a model is",
      [&service](const Call& call) {
        const OllamaModelCall wanted = parse_ollama_model(body_of(call));
        reply_json(
            call, ollama_show_reply(describe_model(service.library, wanted.model), wanted.verbose));
      },
      ollama_model_fields()));
  router.add(route("GET", "/api/ps", Permission::kUse, "The models in memory",
                   [&service](const Call& call) {
                     reply_json(call, ollama_ps_reply(running_models(service)));
                   }));
  router.add(route(
      "POST", "/api/pull", Permission::kAdmin, "Fetches a model",
      [&service](const Call& call) { pull(service, call); }, ollama_pull_fields()));
  router.add(route(
      "POST", "/api/copy", Permission::kAdmin, "Gives a model a further name",
      [&service](const Call& call) { copy(service, call); }, ollama_copy_fields()));
  router.add(route(
      "DELETE", "/api/delete", Permission::kAdmin, "Removes a model",
      [&service](const Call& call) { remove(service, call); }, ollama_model_fields()));
}

}  // namespace

void add_ollama_routes(Router& router, Service& service) {
  router.add(route(
      "POST", "/api/generate", Permission::kUse, "Answers a prompt",
      [&service](const Call& call) {
        generate(service, call, parse_ollama_generate(body_of(call)), false);
      },
      ollama_generate_fields()));
  router.add(route(
      "POST", "/api/chat", Permission::kUse, "Answers a conversation",
      [&service](const Call& call) {
        generate(service, call, parse_ollama_chat(body_of(call)), true);
      },
      ollama_chat_fields()));
  router.add(route(
      "POST", "/api/embed", Permission::kUse, "Texts as vectors of length 1",
      [&service](const Call& call) {
        const EmbedCall wanted = parse_ollama_embed(body_of(call));
        embed(service, call, wanted, [wanted](const Embeddings& made) {
          return ollama_embed_reply(wanted, made.vectors, made.usage, made.timings);
        });
      },
      ollama_embed_fields()));
  router.add(route(
      "POST", "/api/embeddings", Permission::kUse, "A text as a vector (the old form)",
      [&service](const Call& call) {
        embed(service, call, parse_ollama_embeddings(body_of(call)), [](const Embeddings& made) {
          return ollama_embeddings_reply(made.vectors.empty() ? std::vector<float>()
                                                              : made.vectors[0]);
        });
      },
      ollama_embeddings_fields()));
  router.add(route(
      "GET", "/api/version", Permission::kPublic, "The server's version",
      [&service](const Call& call) { reply_json(call, ollama_version_reply(service.version)); }));
  add_library_routes(router, service);
}

}  // namespace hearth
