// llama-server's routes, and the operator's.
#include "api/llama.h"
#include "api/openapi.h"
#include "server/service.h"

namespace hearth {
namespace {

Route route(std::string method, std::string path, Permission permission, std::string summary,
            std::function<void(const Call&)> handle, std::span<const Field> fields = {}) {
  return {.method = std::move(method),
          .path = std::move(path),
          .permission = permission,
          .dialect = Dialect::kLlama,
          .summary = std::move(summary),
          .handle = std::move(handle),
          .fields = fields};
}

// llama-server has one model, and its clients name none.
std::string only_model(const Service& service) {
  const std::vector<HostedStatus> loaded = service.host.models();
  if (loaded.size() == 1) return loaded.front().place.name;
  if (!service.default_model.empty()) return service.default_model;
  const std::vector<Manifest> stored = service.library.list();
  if (stored.size() == 1) return stored.front().reference;
  throw FieldError("model", "say which model: " + std::to_string(loaded.size()) +
                                " are in memory, " + std::to_string(stored.size()) +
                                " in the library");
}

Host::Lease lease(Service& service, const Call& call, const std::string& model) {
  return service.host.acquire(model.empty() ? only_model(service) : model, std::nullopt,
                              &call.exchange->gone());
}

void tokenize(Service& service, const Call& call) {
  const LlamaTokenizeCall wanted = parse_llama_tokenize(call.exchange->request().body);
  const Host::Lease model = lease(service, call, wanted.model);
  const Tokenizer& tokenizer = *model->loaded->tokenizer;
  const std::vector<TokenId> tokens = tokenizer.encode(
      wanted.text.text,
      {.add_special = wanted.text.add_special, .parse_special = wanted.text.parse_special});
  std::vector<std::string> pieces;
  if (wanted.with_pieces) {
    for (const TokenId id : tokens) pieces.push_back(tokenizer.piece(id, true));
  }
  reply_json(call, llama_tokenize_reply(tokens, pieces));
}

std::vector<LlamaSlot> slots(const Service& service) {
  std::vector<LlamaSlot> list;
  for (const HostedStatus& status : service.host.models()) {
    for (std::size_t i = 0; i < status.load.running; ++i) {
      list.push_back({.id = list.size(),
                      .model = status.place.name,
                      .processing = true,
                      .context = status.context});
    }
  }
  return list;
}

}  // namespace

void add_llama_routes(Router& router, Service& service) {
  router.add(route(
      "POST", "/tokenize", Permission::kUse, "A text as tokens",
      [&service](const Call& call) { tokenize(service, call); }, llama_tokenize_fields()));
  router.add(route(
      "POST", "/detokenize", Permission::kUse, "Tokens as a text",
      [&service](const Call& call) {
        const LlamaDetokenizeCall wanted = parse_llama_detokenize(call.exchange->request().body);
        const Host::Lease model = lease(service, call, wanted.model);
        reply_json(call,
                   llama_detokenize_reply(model->loaded->tokenizer->decode(wanted.tokens, true)));
      },
      llama_detokenize_fields()));
  router.add(route(
      "POST", "/apply-template", Permission::kUse, "A conversation as the model reads it",
      [&service](const Call& call) {
        const LlamaTemplateCall wanted = parse_llama_template(call.exchange->request().body);
        const Host::Lease model = lease(service, call, wanted.model);
        const Conversation whole = with_defaults(wanted.conversation, model->defaults);
        reply_json(call, llama_template_reply(model->prompts->render(whole).text));
      },
      llama_template_fields()));
  router.add(
      route("GET", "/slots", Permission::kAdmin, "What is being computed",
            [&service](const Call& call) { reply_json(call, llama_slots_reply(slots(service))); }));
}

void add_operator_routes(Router& router, Service& service) {
  const auto alive = [](const Call& call) { reply_json(call, R"({"status":"ok"})"); };
  router.add(route("GET", "/health", Permission::kPublic, "Whether the server is alive", alive));
  router.add(route("GET", "/v1/health", Permission::kPublic, "Whether the server is alive", alive));
  router.add(route("GET", "/ready", Permission::kPublic,
                   "Whether the server takes work: its MODEL is loaded, and it is not stopping",
                   [&service](const Call& call) {
                     const Readiness is = service.readiness;
                     if (is == Readiness::kReady) return reply_json(call, R"({"status":"ready"})");
                     call.record->status = 503;
                     reply_json(call,
                                is == Readiness::kLoading ? R"({"status":"loading"})"
                                                          : R"({"status":"stopping"})",
                                503);
                   }));
  router.add(
      route("GET", "/", Permission::kPublic, "Whether the server is alive", [](const Call& call) {
        call.exchange->reply({.status = 200,
                              .headers = {{"Content-Type", "text/plain"}},
                              .body = "Ollama is running"});
      }));
  router.add(route("GET", "/metrics", Permission::kAdmin, "Prometheus' text format",
                   [&service](const Call& call) {
                     call.exchange->reply(
                         {.status = 200,
                          .headers = {{"Content-Type", "text/plain; version=0.0.4"}},
                          .body = service.metrics.text(service.host.models())});
                   }));
  router.add(route("GET", "/openapi.json", Permission::kPublic, "This API, described",
                   [&router](const Call& call) {
                     std::vector<ApiRoute> routes;
                     for (const Route& each : router.routes()) {
                       routes.push_back({.method = each.method,
                                         .path = each.path,
                                         .summary = each.summary,
                                         .fields = each.fields,
                                         .permission = to_string(each.permission)});
                     }
                     reply_json(call, openapi_document(routes));
                   }));
}

}  // namespace hearth
