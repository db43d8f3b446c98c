#include "api/ollama_request.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "api/duration.h"
#include "api/error.h"

namespace hearth {

using nlohmann::json;

namespace {

// Words that open an action of Go's templates and no expression of Jinja's.
constexpr std::array<std::string_view, 8> kGoWords = {"if",   "else",   "end",      "range",
                                                      "with", "define", "template", "block"};

// True for "{{ .Prompt }}", "{{- if .System }}" and the like; in Jinja none of them is valid.
bool is_go_template(std::string_view text) {
  constexpr std::string_view kBeforeWord = "- \t\r\n", kAfterWord = " \t\r\n-}";
  for (std::size_t at = text.find("{{"); at != text.npos; at = text.find("{{", at + 2)) {
    std::string_view action = text.substr(at + 2);
    action.remove_prefix(std::min(action.find_first_not_of(kBeforeWord), action.size()));
    if (action.starts_with('.') || action.starts_with('$')) return true;
    const std::string_view word = action.substr(0, action.find_first_of(kAfterWord));
    if (std::ranges::find(kGoWords, word) != kGoWords.end()) return true;
  }
  return false;
}

}  // namespace

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
  std::optional<std::string> text = text_field(body, "template");
  if (text && is_go_template(*text)) {
    throw FieldError("template",
                     "template is written in Go's template language, which is not served yet: send "
                     "a Jinja template, or leave it out to use the model's own");
  }
  return text;
}

}  // namespace hearth
