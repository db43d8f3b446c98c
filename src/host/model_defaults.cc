#include "host/model_defaults.h"

#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "chat/prompt.h"
#include "host/model_prompts.h"
#include "store/go_template.h"

namespace hearth {
namespace {

constexpr const char* kSystem = "system";

std::string usable_template(const Modelfile& recipe) {
  try {
    return template_as_jinja(recipe.template_text.value_or(""));
  } catch (const Error& error) {
    log(LogLevel::kWarn,
        recipe.from + ": its file's own template is used: " + std::string(error.message()));
    return {};
  }
}

}  // namespace

ModelDefaults model_defaults(const Modelfile& recipe) {
  ModelDefaults defaults{.chat_template = usable_template(recipe),
                         .system = recipe.system.value_or(""),
                         .messages = {},
                         .parameters = {}};
  for (const ModelfileMessage& message : recipe.messages) {
    defaults.messages.push_back({.role = message.role, .content = message.content});
  }
  for (const ModelfileParameter& parameter : recipe.parameters) {
    if (!find_parameter_rule(parameter.name)->takes_effect) continue;
    defaults.parameters.emplace_back(parameter.name, to_text(parameter.value));
  }
  return defaults;
}

std::string template_of(const ModelDefaults& defaults, const GgufMetadata& metadata) {
  return defaults.chat_template.empty() ? model_template(metadata) : defaults.chat_template;
}

void check_recipe(const Modelfile& recipe) {
  if (!recipe.template_text) return;
  try {
    PromptFormat(template_as_jinja(*recipe.template_text), {});
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, "the template: " + error.message(), error.detail());
  }
}

Conversation with_defaults(Conversation conversation, const ModelDefaults& defaults) {
  std::vector<Message>& messages = conversation.messages;
  std::optional<Message> system;
  if (!messages.empty() && messages.front().role == kSystem) {
    system = std::move(messages.front());
    messages.erase(messages.begin());
  } else if (!defaults.system.empty()) {
    system = Message{.role = kSystem, .content = defaults.system};
  }
  messages.insert(messages.begin(), defaults.messages.begin(), defaults.messages.end());
  if (system) messages.insert(messages.begin(), std::move(*system));
  return conversation;
}

}  // namespace hearth
