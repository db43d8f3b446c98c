// ModelPrompts: conversations as the tokens that a model reads: its template, then its tokenizer.
// Immutable; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chat/prompt.h"
#include "format/gguf.h"
#include "text/tokenizer.h"

namespace hearth {

// The template that a model's file carries; empty when it has none.
std::string model_template(const GgufMetadata& metadata);

class ModelPrompts {
 public:
  // Throws as PromptFormat does.
  ModelPrompts(std::shared_ptr<const Tokenizer> tokenizer, std::string_view template_source);

  bool has_template() const noexcept { return format_.has_template(); }
  // By today's date, where the template wants one. Throws as PromptFormat::render does.
  RenderedPrompt render(const Conversation& conversation) const;
  std::vector<TokenId> chat(const Conversation& conversation) const;

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  PromptFormat format_;
};

}  // namespace hearth
