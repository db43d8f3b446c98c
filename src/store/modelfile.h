// Modelfile: a model's recipe as Ollama writes it, as data: what it is made from, its template,
// system message, parameters, first messages and licences. Values; any thread.
//
// The format: an instruction per line, in any case, and its value: the rest of the line, or
// "in quotes", or """in three""", which may hold lines. The closing quotes end a line; nothing is
// escaped. Lines that begin with # are comments. A line may end in \r\n, which is read as \n.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace hearth {

enum class ParameterKind {
  kInteger,
  kNumber,
  kText,           // may be given several times
  kWithoutEffect,  // Ollama knows it, here it changes nothing: any value, kept as text
};

struct ParameterRule {
  std::string_view name;
  ParameterKind kind = ParameterKind::kWithoutEffect;
  double minimum = 0, maximum = 0;  // of numbers, both allowed
  bool takes_effect = kind != ParameterKind::kWithoutEffect;
};

// Every parameter that a Modelfile may name.
std::span<const ParameterRule> parameter_rules() noexcept;
const ParameterRule* find_parameter_rule(std::string_view name) noexcept;  // null: unknown

// As its rule says: a whole number, a number or a text.
using ParameterValue = std::variant<std::int64_t, double, std::string>;
std::string to_text(const ParameterValue& value);  // which parse_parameter reads back

// kInvalidArgument for an unknown name, or a value that its rule refuses; both are named.
ParameterValue parse_parameter(std::string_view name, std::string_view text);

struct ModelfileParameter {
  std::string name;
  ParameterValue value;
  bool operator==(const ModelfileParameter&) const = default;
};

struct ModelfileMessage {
  std::string role;  // system, user or assistant
  std::string content;
  bool operator==(const ModelfileMessage&) const = default;
};

struct Modelfile {
  std::string from;                          // a reference or a path, as written
  std::optional<std::string> template_text;  // Jinja, or Go's (go_template.h)
  std::optional<std::string> system;
  std::vector<ModelfileParameter>
      parameters;  // as written; but for kText, the last of a name holds
  std::vector<ModelfileMessage> messages;
  std::vector<std::string> licences;
  bool operator==(const Modelfile&) const = default;

  std::string licence_text() const;  // all of them, a line between two
  // The parameters that change nothing here, each name once: to be told to who wrote them.
  std::vector<std::string> without_effect() const;
};

// A licence of 100 KB is long; a model does not belong into a Modelfile.
inline constexpr std::size_t kModelfileBytesMax = 1u << 20;

// kInvalidArgument, with the line, for what breaks the format; kUnsupported, by its name, for an
// instruction of Ollama's that we do not follow (ADAPTER and others). Of TEMPLATE and SYSTEM the
// last one holds.
Modelfile parse_modelfile(std::string_view text);

// parse_modelfile(to_text(m)) == m for every m that was parsed. kInvalidArgument for a text that no
// quotes can hold: one with a line that ends in """.
std::string to_text(const Modelfile& modelfile);

}  // namespace hearth
