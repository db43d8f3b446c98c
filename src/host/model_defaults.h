// ModelDefaults: what a model says beside its weights (store's recipe), ready for use: its template
// as Jinja, its system message and first messages, its parameters. Values; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "chat/conversation.h"
#include "format/gguf.h"
#include "store/modelfile.h"

namespace hearth {

struct ModelDefaults {
  std::string chat_template;  // Jinja; empty: the file's own
  std::string system;
  std::vector<Message> messages;
  // Those that take effect, under Ollama's names; of "stop" an entry for each text.
  std::vector<std::pair<std::string, std::string>> parameters;
};

// A template of Go's that cannot be followed is left out, and the log says so: the file's own is
// used.
ModelDefaults model_defaults(const Modelfile& recipe);

// The template that holds: the model's own, else its file's.
std::string template_of(const ModelDefaults& defaults, const GgufMetadata& metadata);

// A recipe of someone's own: throws where its template cannot be followed.
void check_recipe(const Modelfile& recipe);

// The conversation as the model is to read it: the system message is the conversation's own, else
// the model's; then come the model's first messages, then the conversation.
Conversation with_defaults(Conversation conversation, const ModelDefaults& defaults);

}  // namespace hearth
