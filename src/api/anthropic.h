// Anthropic's dialect: /v1/messages, /v1/messages/count_tokens. Parsers throw FieldError. (The
// contract: the official client, Python's `anthropic`.)
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "api/call.h"
#include "api/fields.h"
#include "api/reply_writer.h"

namespace hearth {

std::span<const Field> anthropic_message_fields() noexcept;
std::span<const Field> anthropic_count_fields() noexcept;

GenerateCall parse_anthropic_message(std::string_view body);
GenerateCall parse_anthropic_count(std::string_view body);  // max_tokens 0

std::unique_ptr<ReplyWriter> make_anthropic_writer(const GenerateCall& call, const ReplyHead& head);
std::string anthropic_count_reply(std::size_t prompt_tokens);

}  // namespace hearth
