// Go templates, as Ollama's Modelfiles have them, rewritten as Jinja that renders the same prompt.
// Free functions; any thread.
//
// What they mean is what Ollama documents. A template that names .Messages is rendered once: over
// the conversation with neighbours of one role (but for tool) joined by an empty line, and .System
// all system messages, joined likewise. Any other is rendered once for each turn of .System,
// .Prompt and .Response; for the last turn it ends behind the first .Response that it prints, which
// it has at its end where it names none.
//
// The Jinja reads `messages` (role, content), and in the second case `add_generation_prompt`: false
// ends an answered last turn as it ends the others.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hearth {

// The largest of Ollama's library has 8 KB.
inline constexpr std::size_t kGoTemplateBytesMax = 64u << 10;

// Whether an action that begins with a field or a variable stands in the text ({{ .Prompt }},
// {{- $x }}): Jinja has none.
bool is_go_template(std::string_view source);

// Understood: text, trimming, comments; .System .Prompt .Response .Messages, .Suffix (empty in a
// chat); if, else if, else, end; range over .Messages, with .Role and .Content, $.X, $index and
// $message; variables; texts, whole numbers, true, false; and or not eq ne lt le gt ge; len and
// slice of .Messages.
//
// kUnsupported, by its name and line, for anything else: the template is to be given as Jinja then.
// kInvalidArgument for what Go refuses too.
std::string go_template_to_jinja(std::string_view source);

// A template of either language as Jinja. Errors: as go_template_to_jinja.
std::string template_as_jinja(std::string_view source);

}  // namespace hearth
