// A conversation becomes the text that a model reads: PromptFormat holds a model's chat template
// and what probing it has shown (does it want content as strings or as parts, tool arguments as
// objects or as text).
//
// Ownership: a PromptFormat owns its template. Threads: immutable after construction; any thread
// may render. Invariant: every byte of the prompt that came from the conversation or the caller's
// variables lies in user_ranges. The tokenizer must not read control tokens there, so that what a
// user writes stays text.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/conversation.h"
#include "text/template/chat_template.h"

namespace hearth {

// The texts that templates write as bos_token and so on; empty where the model has none.
struct SpecialTexts {
  std::string bos;
  std::string eos;
  std::string pad;
  std::string unk;
};

struct PromptOptions {
  bool add_generation_prompt = true;  // end with the opening of the assistant's turn
  std::tm now{};                      // the caller's local time, for templates that print a date
  std::string
      variables;  // a JSON object of more template variables (enable_thinking ...); may be empty
};

struct RenderedPrompt {
  std::string text;
  std::vector<TextRange> user_ranges;  // ascending, disjoint
  bool has_bos = false;                // the text begins with the BOS text: do not add another
  bool plain_completion =
      false;  // the model has no template: the messages' texts, one after another
};

class PromptFormat {
 public:
  // An empty source means that the model has no template. Throws what ChatTemplate::compile throws.
  PromptFormat(std::string_view template_source, SpecialTexts specials);

  bool has_template() const noexcept { return template_.has_value(); }
  // The template reads each call's arguments as a JSON object (else as text).
  bool wants_argument_objects() const noexcept { return wants_argument_objects_; }
  // The template reads content only as a list of parts.
  bool wants_content_parts() const noexcept { return wants_content_parts_; }

  // Throws kInvalidArgument if the template refuses the conversation, kResourceExhausted at a
  // limit.
  RenderedPrompt render(const Conversation& conversation, const PromptOptions& options) const;

 private:
  bool shows(const Conversation& conversation, std::string_view wanted) const;

  std::optional<ChatTemplate> template_;
  SpecialTexts specials_;
  bool wants_argument_objects_ = true;
  bool wants_content_parts_ = false;
};

}  // namespace hearth
