#include "host/model_prompts.h"

#include <ctime>

namespace hearth {
namespace {

SpecialTexts special_texts(const Tokenizer& tokenizer) {
  SpecialTexts texts;
  if (tokenizer.bos()) texts.bos = tokenizer.piece(*tokenizer.bos(), true);
  if (tokenizer.eos()) texts.eos = tokenizer.piece(*tokenizer.eos(), true);
  return texts;
}

}  // namespace

std::string model_template(const GgufMetadata& metadata) {
  return std::string(metadata.optional_string("tokenizer.chat_template").value_or(""));
}

ModelPrompts::ModelPrompts(std::shared_ptr<const Tokenizer> tokenizer,
                           std::string_view template_source)
    : tokenizer_(std::move(tokenizer)), format_(template_source, special_texts(*tokenizer_)) {}

RenderedPrompt ModelPrompts::render(const Conversation& conversation) const {
  PromptOptions options;
  const std::time_t now = std::time(nullptr);
  localtime_r(&now, &options.now);
  return format_.render(conversation, options);
}

std::vector<TokenId> ModelPrompts::chat(const Conversation& conversation) const {
  const RenderedPrompt prompt = render(conversation);
  return tokenizer_->encode(
      prompt.text,
      {.add_special = !prompt.has_bos, .parse_special = true, .plain = prompt.user_ranges});
}

}  // namespace hearth
