// What every dialect's generating calls have in common when they are read. Pure functions; any
// thread. They throw FieldError.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "api/call.h"

namespace hearth {

// Draws from the model's own distribution: what OpenAI and Anthropic do where a field is absent.
SamplingOptions plain_sampling();

// "overflow", a field of ours in every dialect.
inline constexpr std::string_view kOverflowAbout =
    "When prompt and answer outgrow the context: error (refuse), truncate (drop the oldest of the "
    "prompt) or shift (also while answering).";
void read_overflow(const nlohmann::json& body, Overflow& out);

// Notes which of these fields the body sets, under the names that Ollama's options have: a model's
// own parameters hold for the others.
using OptionNames =
    std::span<const std::pair<std::string_view, std::string_view>>;  // field, option
void note_options_given(const nlohmann::json& body, OptionNames names, GenerateCall& call);

// `content` of a message: a string, or an array of checked text parts. A message whose content is
// absent or null has none.
void read_content(const nlohmann::json& object, std::string_view name, Message& out);

}  // namespace hearth
