#include "api/ollama_request.h"

#include <nlohmann/json.hpp>

#include "api/duration.h"
#include "api/error.h"
#include "store/go_template.h"
#include "text/template/chat_template.h"

namespace hearth {

using nlohmann::json;

bool is_zero(const json& value) { return value == 0; }
bool is_one(const json& value) { return value == 1; }
bool is_empty_text(const json& value) { return value == ""; }

json parse_ollama_body(std::string_view body, std::span<const Field> table) {
  json object = parse_body(body);
  check_fields(object, table);
  return object;
}

std::string model_field(const json& body) {
  std::optional<std::string> name = text_field(body, "model");
  if (!name) name = text_field(body, "name");
  if (!name) throw FieldError("model", "model is missing: send the name of a model");
  return *name;
}

std::optional<std::string> text_field(const json& body, std::string_view name) {
  std::string text;
  read_field(body, name, text);
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::optional<KeepAlive> keep_alive_field(const json& body) {
  const json* value = find_field(body, "keep_alive");
  if (value == nullptr) return std::nullopt;
  const std::optional<double> seconds = value->is_number()
                                            ? value->get<double>()
                                            : parse_duration(value->get_ref<const std::string&>());
  if (!seconds) {
    throw FieldError("keep_alive",
                     "keep_alive must be a number of seconds, or a text with units like \"5m\" or "
                     "\"1h30m\"; negative means for ever");
  }
  return KeepAlive{*seconds};
}

std::optional<std::string> template_field(const json& body) {
  const std::optional<std::string> text = text_field(body, "template");
  if (!text) return std::nullopt;
  try {
    std::string jinja = template_as_jinja(*text);
    ChatTemplate::compile(jinja);  // what cannot be read is refused by its name
    return jinja;
  } catch (const Error& error) {
    throw FieldError("template", "template: " + error.message());
  }
}

}  // namespace hearth
