// The requests of /api/generate and /api/chat.
#include <nlohmann/json.hpp>

#include "api/error.h"
#include "api/ollama.h"
#include "api/ollama_request.h"

namespace hearth {
namespace {

using nlohmann::json;

constexpr auto kYes = Field::Served::kYes;
constexpr double kTopLogprobsMax = 20;  // Ollama's

// What generate and chat have in common.
std::vector<Field> with_call_fields(std::vector<Field> fields) {
  const Field shared[] = {
      {"model", kFieldString, 1, kFieldNameBytesMax, "The model that answers.", true},
      {"stream", kFieldBoolean, 0, 0, "A line for each piece, the default; else one reply."},
      {"options", kFieldObject, 0, kListMax, "How to sample, and for how long.", false, kYes,
       nullptr, ollama_option_fields()},
      {"keep_alive", kFieldNumber | kFieldString, -kKeepAliveMax, kKeepAliveMax,
       "How long the model stays: seconds, or a text like \"5m\"; negative: for ever; 0: it goes. "
       "An admin's counts."},
      unserved("format", "The form of the answer.", is_empty_text),
      unserved("think", "To think before answering."),
      {"truncate", kFieldBoolean, 0, 0,
       "Drop the oldest of a prompt that is too long; else it is refused, the default."},
      {"shift", kFieldBoolean, 0, 0, "Also drop the oldest while answering; default false."},
      {"logprobs", kFieldBoolean, 0, 0, "Tell the probability of each token."},
      {"top_logprobs", kFieldInteger, 0, kTopLogprobsMax, "And of so many likeliest beside it."},
      unserved("_debug_render_only", "The prompt instead of an answer."),
  };
  fields.insert(fields.end(), std::begin(shared), std::end(shared));
  return fields;
}

bool flag_field(const json& body, std::string_view name) {
  bool flag = false;
  read_field(body, name, flag);
  return flag;
}

GenerateCall read_call(const json& body) {
  GenerateCall call;
  read_field(body, "model", call.model);
  call.stream = true;
  read_field(body, "stream", call.stream);
  call.include_usage = true;
  call.keep_alive = keep_alive_field(body);
  if (flag_field(body, "truncate")) call.overflow = Overflow::kTruncate;
  if (flag_field(body, "shift")) call.overflow = Overflow::kShift;
  if (flag_field(body, "logprobs")) {
    call.top_logprobs = 0;
    read_field(body, "top_logprobs", call.top_logprobs);
  }
  // Where the documented defaults (docs/modelfile.md) are not the Sampler's own.
  call.sampling.top_p = 0.9f;
  call.sampling.min_p = 0.0f;
  call.sampling.repeat_penalty = 1.1f;
  if (const json* options = find_field(body, "options")) read_ollama_options(*options, call);
  return call;
}

Conversation user_says(std::string text) {
  Message message;
  message.role = "user";
  message.content = std::move(text);
  Conversation conversation;
  conversation.messages.push_back(std::move(message));
  return conversation;
}

}  // namespace

std::span<const Field> ollama_generate_fields() noexcept {
  static const std::vector<Field> fields = with_call_fields({
      {"prompt", kFieldString, 0, kFieldTextBytesMax, "What to answer; empty: load the model."},
      {"suffix", kFieldString, 0, kFieldTextBytesMax, "What stands after the answer: fills a gap."},
      {"system", kFieldString, 0, kFieldTextBytesMax, "Instructions, instead of the model's own."},
      {"template", kFieldString, 0, kFieldTextBytesMax,
       "A template, Jinja or Go's, instead of the model's own."},
      {"context", kFieldArray, 0, kListMax, "Tokens before the prompt, of an earlier reply."},
      {"raw", kFieldBoolean, 0, 0, "The prompt is the whole text: no template."},
      unserved("images", "Pictures, in base64."),
      unserved("width", "Of a picture to draw.", is_zero),
      unserved("height", "Of a picture to draw.", is_zero),
      unserved("steps", "Of drawing a picture.", is_zero),
  });
  return fields;
}

std::span<const Field> ollama_chat_fields() noexcept {
  static const std::vector<Field> fields = with_call_fields({
      {"messages", kFieldArray, 0, kFieldMessagesMax, "What was said so far; none: load the model.",
       false, kYes, nullptr, ollama_message_fields()},
      unserved("tools", "Functions the model may call."),
  });
  return fields;
}

GenerateCall parse_ollama_generate(std::string_view body) {
  const json request = parse_ollama_body(body, ollama_generate_fields());
  GenerateCall call = read_call(request);
  call.system = text_field(request, "system");
  call.chat_template = template_field(request);
  call.context = read_tokens(request, "context");
  std::optional<std::string> suffix = text_field(request, "suffix");
  const bool raw = flag_field(request, "raw");
  if ((raw || suffix) && (call.system || call.chat_template || !call.context.empty())) {
    throw FieldError(raw ? "raw" : "suffix",
                     "raw mode and suffix do not support template, system, or context: they take "
                     "the prompt as it is");
  }
  if (raw && suffix) {
    throw FieldError("suffix", "raw mode does not support suffix: write it into the prompt");
  }
  std::optional<std::string> prompt = text_field(request, "prompt");
  if (!prompt) return call;
  if (raw || suffix) {
    call.prompts.push_back(RawText{std::move(*prompt), true, raw});
    call.suffix = std::move(suffix);
  } else {
    call.prompts.push_back(user_says(std::move(*prompt)));
  }
  return call;
}

GenerateCall parse_ollama_chat(std::string_view body) {
  const json request = parse_ollama_body(body, ollama_chat_fields());
  GenerateCall call = read_call(request);
  std::vector<Message> messages = read_ollama_messages(request);
  if (!messages.empty()) call.prompts.push_back(Conversation{std::move(messages), {}});
  return call;
}

}  // namespace hearth
