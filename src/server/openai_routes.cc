// OpenAI's routes, and Anthropic's.
#include "api/anthropic.h"
#include "api/openai.h"
#include "server/embedding.h"
#include "server/generation.h"
#include "server/service.h"

namespace hearth {
namespace {

Route post(std::string path, Dialect dialect, std::string summary, std::span<const Field> fields,
           std::function<void(const Call&)> handle) {
  return {.method = "POST",
          .path = std::move(path),
          .permission = Permission::kUse,
          .dialect = dialect,
          .summary = std::move(summary),
          .handle = std::move(handle),
          .fields = fields};
}

Route get(std::string path, std::string summary, std::function<void(const Call&)> handle) {
  return {.method = "GET",
          .path = std::move(path),
          .permission = Permission::kUse,
          .dialect = Dialect::kOpenAi,
          .summary = std::move(summary),
          .handle = std::move(handle)};
}

// A last turn of the assistant asks to go on with it, which is not served yet.
GenerateCall anthropic_call(const Call& call) {
  GenerateCall wanted = parse_anthropic_message(call.exchange->request().body);
  const auto& messages = std::get<Conversation>(wanted.prompts.front()).messages;
  if (!messages.empty() && messages.back().role == "assistant") {
    throw FieldError("messages",
                     "the last message is the assistant's: to go on with it is not served yet, "
                     "end with the user's");
  }
  return wanted;
}

}  // namespace

void add_openai_routes(Router& router, Service& service) {
  router.add(post("/v1/chat/completions", Dialect::kOpenAi, "Answers a conversation",
                  openai_chat_fields(), [&service](const Call& call) {
                    answer(service, call, parse_openai_chat(call.exchange->request().body),
                           make_openai_chat_writer);
                  }));
  router.add(post("/v1/completions", Dialect::kOpenAi, "Continues a text",
                  openai_completion_fields(), [&service](const Call& call) {
                    answer(service, call, parse_openai_completion(call.exchange->request().body),
                           make_openai_completion_writer);
                  }));
  router.add(post("/v1/embeddings", Dialect::kOpenAi, "Texts as vectors of length 1",
                  openai_embedding_fields(), [&service](const Call& call) {
                    const EmbedCall wanted = parse_openai_embedding(call.exchange->request().body);
                    embed(service, call, wanted, [wanted](const Embeddings& made) {
                      return openai_embedding_reply(wanted, made.vectors, made.usage);
                    });
                  }));
  router.add(get("/v1/models", "The models of the library", [&service](const Call& call) {
    reply_json(call, openai_models_reply(model_entries(service.library)));
  }));
  router.add(get("/v1/models/{model*}", "One model", [&service](const Call& call) {
    reply_json(call, openai_model_reply(model_entry(service.library, call.params.at("model"))));
  }));
}

void add_anthropic_routes(Router& router, Service& service) {
  router.add(post("/v1/messages", Dialect::kAnthropic, "Answers a conversation",
                  anthropic_message_fields(), [&service](const Call& call) {
                    answer(service, call, anthropic_call(call), make_anthropic_writer);
                  }));
  router.add(
      post("/v1/messages/count_tokens", Dialect::kAnthropic, "Counts a conversation's tokens",
           anthropic_count_fields(), [&service](const Call& call) {
             const GenerateCall wanted = parse_anthropic_count(call.exchange->request().body);
             const Host::Lease model =
                 service.host.acquire(wanted.model, std::nullopt, &call.exchange->gone());
             reply_json(call, anthropic_count_reply(prompt_tokens(wanted, *model)[0].size()));
           }));
}

}  // namespace hearth
