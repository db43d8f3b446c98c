#include "chat/prompt.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "text/template/read_json.h"

namespace hearth {
namespace {

using Json = nlohmann::ordered_json;

Json read_object(const std::string& text, const std::string& what) {
  std::optional<Json> json = read_json(text);
  if (!json || !json->is_object()) {
    throw Error(ErrorCode::kInvalidArgument,
                what + " must be a JSON object of at most " + std::to_string(kJsonDepthMax) +
                    " levels and " + std::to_string(kJsonMembersMax) + " members in an object");
  }
  return std::move(*json);
}

std::string text_of(const Message& message) {
  std::string text = message.content.value_or("");
  for (const ContentPart& part : message.parts) {
    if (part.type != "text") {
      throw Error(ErrorCode::kUnsupported,
                  "content parts of type '" + part.type + "' are not supported; send text");
    }
    text += part.text;
  }
  return text;
}

Json call_json(const ToolCall& call, bool arguments_as_object) {
  Json arguments = call.arguments;
  if (arguments_as_object) {
    std::optional<Json> parsed = read_json(call.arguments);
    if (parsed && parsed->is_object()) arguments = std::move(*parsed);
    if (call.arguments.empty()) arguments = Json::object();
  }
  return {{"id", call.id},
          {"type", "function"},
          {"function", {{"name", call.name}, {"arguments", std::move(arguments)}}}};
}

Json message_json(const Message& message, bool as_parts, bool arguments_as_objects) {
  Json json{{"role", message.role}};
  std::string text = text_of(message);
  if (as_parts) {
    json["content"] = Json::array({{{"type", "text"}, {"text", std::move(text)}}});
  } else {
    json["content"] = std::move(text);
  }
  // The names that templates know it under.
  if (!message.reasoning.empty()) {
    json["reasoning_content"] = message.reasoning;
    json["thinking"] = message.reasoning;
    json["reasoning"] = message.reasoning;
  }
  for (const ToolCall& call : message.tool_calls) {
    json["tool_calls"].push_back(call_json(call, arguments_as_objects));
  }
  if (!message.tool_call_id.empty()) json["tool_call_id"] = message.tool_call_id;
  if (!message.name.empty()) json["name"] = message.name;
  return json;
}

RenderedPrompt render_plain(const Conversation& conversation) {
  RenderedPrompt prompt;
  prompt.plain_completion = true;
  for (const Message& message : conversation.messages) {
    if (!prompt.text.empty()) prompt.text += "\n";
    prompt.text += text_of(message);
  }
  if (!prompt.text.empty()) prompt.user_ranges.push_back({0, prompt.text.size()});
  return prompt;
}

Message user_message(std::string text) {
  Message message;
  message.role = "user";
  message.content = std::move(text);
  return message;
}

}  // namespace

PromptFormat::PromptFormat(std::string_view template_source, SpecialTexts specials)
    : specials_(std::move(specials)) {
  if (template_source.empty()) return;
  template_ = ChatTemplate::compile(template_source);

  // A word that no template contains, so that finding it means that the template printed it.
  constexpr const char* kNeedle = "hearthneedle";
  Conversation conversation;
  conversation.messages.push_back(user_message(kNeedle));
  if (!shows(conversation, kNeedle)) {
    wants_content_parts_ = true;
    wants_content_parts_ = shows(conversation, kNeedle);
  }

  Message answer;
  answer.role = "assistant";
  answer.content = "";
  answer.tool_calls.push_back({"call00001", "probe", R"({"hearthneedle": "value"})"});
  conversation.messages.back().content = "hello";
  conversation.messages.push_back(std::move(answer));
  // A template that wants text either fails on an object or prints it as Python would, in single
  // quotes.
  wants_argument_objects_ = true;
  if (!shows(conversation, kNeedle) || shows(conversation, "{'hearthneedle'")) {
    wants_argument_objects_ = false;
    wants_argument_objects_ = !shows(conversation, kNeedle);
  }
}

bool PromptFormat::shows(const Conversation& conversation, std::string_view wanted) const {
  try {
    PromptOptions options;
    options.add_generation_prompt = false;
    return render(conversation, options).text.find(wanted) != std::string::npos;
  } catch (const Error&) {
    return false;  // the template refuses this form, which is what the probe asks
  }
}

RenderedPrompt PromptFormat::render(const Conversation& conversation,
                                    const PromptOptions& options) const {
  if (!template_) return render_plain(conversation);
  Json context = options.variables.empty() ? Json::object()
                                           : read_object(options.variables, "template variables");
  Json messages = Json::array();
  for (const Message& message : conversation.messages) {
    messages.push_back(message_json(message, wants_content_parts_, wants_argument_objects_));
  }
  Json tools = nullptr;
  for (const std::string& tool : conversation.tools) tools.push_back(read_object(tool, "a tool"));
  context["messages"] = std::move(messages);
  context["tools"] = std::move(tools);
  context["documents"] = nullptr;
  context["add_generation_prompt"] = options.add_generation_prompt;
  const std::pair<const char*, const std::string*> tokens[] = {{"bos_token", &specials_.bos},
                                                               {"eos_token", &specials_.eos},
                                                               {"pad_token", &specials_.pad},
                                                               {"unk_token", &specials_.unk}};
  TemplateOptions how;
  how.now = options.now;
  for (const auto& [name, text] : tokens) {
    context.erase(name);
    if (!text->empty()) context[name] = *text;
    how.trusted.emplace_back(name);
  }
  RenderedText rendered = template_->render(context, how);
  RenderedPrompt prompt;
  prompt.text = std::move(rendered.text);
  prompt.user_ranges = std::move(rendered.user_ranges);
  const std::size_t bos_size = specials_.bos.size();
  prompt.has_bos = bos_size > 0 && prompt.text.starts_with(specials_.bos) &&
                   (prompt.user_ranges.empty() || prompt.user_ranges.front().begin >= bos_size);
  return prompt;
}

}  // namespace hearth
