// What several of Ollama's requests have in common: how their fields are read once the table has
// checked them. Internal to the room. Pure functions; any thread. They throw FieldError.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/call.h"
#include "api/fields.h"
#include "api/harmless.h"
#include "api/values.h"

namespace hearth {

inline constexpr double kListMax = kValuesMax;  // of a list: no body has more
inline constexpr double kKeepAliveMax = 1e9;    // seconds: 31 years; for ever is -1

// More values that ask for nothing (harmless.h).
bool is_zero(const nlohmann::json& value);
bool is_one(const nlohmann::json& value);
bool is_empty_text(const nlohmann::json& value);

// A field that is refused unless its value asks for nothing.
constexpr Field unserved(std::string_view name, std::string_view about,
                         bool (*harmless)(const nlohmann::json&) = is_empty_or_false) {
  return {.name = name, .about = about, .served = Field::Served::kNotServed, .harmless = harmless};
}

// A checked object.
nlohmann::json parse_ollama_body(std::string_view body, std::span<const Field> table);
// `model`, or `name` as it was called before.
std::string model_field(const nlohmann::json& body);
std::optional<KeepAlive> keep_alive_field(const nlohmann::json& body);
// A text; empty counts as absent.
std::optional<std::string> text_field(const nlohmann::json& body, std::string_view name);
// A chat template, likewise, as Jinja; one of Go's that cannot be followed is refused.
std::optional<std::string> template_field(const nlohmann::json& body);

std::span<const Field> ollama_message_fields() noexcept;
std::vector<Message> read_ollama_messages(const nlohmann::json& body);

// The options that a request (`options`) or a model (`parameters`) may set, checked before.
std::span<const Field> ollama_option_fields() noexcept;
void read_ollama_options(const nlohmann::json& options, GenerateCall& call);
using OllamaParameters = std::vector<std::pair<std::string, std::string>>;
// One entry for each value; a stop list gives several.
OllamaParameters read_ollama_parameters(const nlohmann::json& parameters);

}  // namespace hearth
