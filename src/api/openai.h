// OpenAI's dialect: /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/models. Parsers
// throw FieldError. (The contract: the official clients, Python's and Node's `openai`.)
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/fields.h"
#include "api/model_entry.h"
#include "api/reply_writer.h"

namespace hearth {

std::span<const Field> openai_chat_fields() noexcept;
std::span<const Field> openai_completion_fields() noexcept;
std::span<const Field> openai_embedding_fields() noexcept;

GenerateCall parse_openai_chat(std::string_view body);
GenerateCall parse_openai_completion(std::string_view body);
EmbedCall parse_openai_embedding(std::string_view body);

std::unique_ptr<ReplyWriter> make_openai_chat_writer(const GenerateCall& call,
                                                     const ReplyHead& head);
std::unique_ptr<ReplyWriter> make_openai_completion_writer(const GenerateCall& call,
                                                           const ReplyHead& head);
std::string openai_embedding_reply(const EmbedCall& call,
                                   std::span<const std::vector<float>> embeddings,
                                   const TokenUsage& usage);
std::string openai_models_reply(std::span<const ModelEntry> models);
std::string openai_model_reply(const ModelEntry& model);

}  // namespace hearth
