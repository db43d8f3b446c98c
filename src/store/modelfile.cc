#include "store/modelfile.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/utf8.h"
#include "format/printable.h"

namespace hearth {
namespace {

constexpr double kInt32Max = 2147483647;
constexpr double kInt64Max = 9223372036854775807.0;
constexpr std::string_view kThreeQuotes = "\"\"\"";
constexpr std::string_view kSpaces = " \t\r\v\f";

// Ranges are the sampler's (engine/sampler.h), where it has the parameter.
constexpr std::array kRules{
    ParameterRule{"num_ctx", ParameterKind::kInteger, 1, kInt32Max},
    ParameterRule{"num_predict", ParameterKind::kInteger, -2, kInt32Max},  // -1 and -2: no limit
    ParameterRule{"num_keep", ParameterKind::kInteger, -1, kInt32Max, false},
    ParameterRule{"seed", ParameterKind::kInteger, -kInt64Max, kInt64Max},
    ParameterRule{"temperature", ParameterKind::kNumber, 0, 100},
    ParameterRule{"top_k", ParameterKind::kInteger, -1, kInt32Max},
    ParameterRule{"top_p", ParameterKind::kNumber, 0, 1},
    ParameterRule{"min_p", ParameterKind::kNumber, 0, 1},
    ParameterRule{"typical_p", ParameterKind::kNumber, 0, 1},
    ParameterRule{"repeat_penalty", ParameterKind::kNumber, 0.01, 100},
    ParameterRule{"repeat_last_n", ParameterKind::kInteger, -1, kInt32Max},
    ParameterRule{"presence_penalty", ParameterKind::kNumber, -100, 100},
    ParameterRule{"frequency_penalty", ParameterKind::kNumber, -100, 100},
    ParameterRule{"stop", ParameterKind::kText},
    ParameterRule{"num_batch"},
    ParameterRule{"num_gpu"},
    ParameterRule{"main_gpu"},
    ParameterRule{"num_thread"},
    ParameterRule{"num_gqa"},
    ParameterRule{"use_mmap"},
    ParameterRule{"use_mlock"},
    ParameterRule{"numa"},
    ParameterRule{"low_vram"},
    ParameterRule{"f16_kv"},
    ParameterRule{"logits_all"},
    ParameterRule{"vocab_only"},
    ParameterRule{"embedding_only"},
    ParameterRule{"rope_frequency_base"},
    ParameterRule{"rope_frequency_scale"},
    ParameterRule{"penalize_newline"},
    ParameterRule{"tfs_z"},
    ParameterRule{"mirostat"},
    ParameterRule{"mirostat_eta"},
    ParameterRule{"mirostat_tau"},
    ParameterRule{"draft_num_predict"},
};

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::kInvalidArgument, message);
}

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string number_text(double number) {
  std::array<char, 32> text;  // the shortest that reads back: at most 24 characters
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

std::string range_text(const ParameterRule& rule) {
  const std::string kind = rule.kind == ParameterKind::kInteger ? "a whole number" : "a number";
  if (rule.maximum >= kInt32Max) {
    return kind + (rule.minimum < -kInt32Max ? "" : ", at least " + number_text(rule.minimum));
  }
  return kind + " from " + number_text(rule.minimum) + " to " + number_text(rule.maximum);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view trimmed_right(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kSpaces) + 1);
}

// Every \r in front of a \n goes.
std::string with_plain_newlines(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (const char c : text) {
    if (c == '\n') {
      while (!plain.empty() && plain.back() == '\r') plain.pop_back();
    }
    plain += c;
  }
  return plain;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Modelfile read() {
    while (skip_to_instruction()) {
      line_ = line_at(at_);
      read_instruction(lower_case(word("an instruction")));
    }
    if (modelfile_.from.empty()) refuse("the Modelfile has no FROM: it says what to build on");
    return std::move(modelfile_);
  }

 private:
  std::size_t line_at(std::size_t at) {
    counted_lines_ +=
        static_cast<std::size_t>(std::count(text_.begin() + counted_to_, text_.begin() + at, '\n'));
    counted_to_ = at;
    return counted_lines_ + 1;
  }

  [[noreturn]] void fail(const std::string& message,
                         ErrorCode code = ErrorCode::kInvalidArgument) const {
    throw Error(code, "Modelfile, line " + std::to_string(line_) + ": " + message);
  }

  bool skip_to_instruction() {
    for (;;) {
      at_ = std::min(text_.find_first_not_of(" \t\r\v\f\n", at_), text_.size());
      if (at_ == text_.size()) return false;
      if (text_[at_] != '#') return true;
      at_ = std::min(text_.find('\n', at_), text_.size());
    }
  }

  // Up to the next space; it and those that follow are passed by, to the line's end.
  std::string_view word(std::string_view what) {
    const std::size_t end = std::min(text_.find_first_of(" \t\r\v\f\n", at_), text_.size());
    const std::string_view found = text_.substr(at_, end - at_);
    if (found.empty()) fail("wanted " + std::string(what));
    at_ = std::min(text_.find_first_not_of(kSpaces, end), text_.size());
    return found;
  }

  // Quoted or to the end of the line.
  std::string value(std::string_view what) {
    const std::string_view rest = text_.substr(at_);
    const std::string_view quotes = rest.starts_with(kThreeQuotes) ? kThreeQuotes
                                    : rest.starts_with('"')        ? kThreeQuotes.substr(0, 1)
                                                                   : std::string_view();
    for (std::size_t end = 0;; ++end) {
      end = std::min(rest.find('\n', end), rest.size());
      const std::string_view whole = trimmed_right(rest.substr(0, end));
      if (whole.size() >= 2 * quotes.size() && whole.ends_with(quotes)) {
        if (whole.empty()) fail(std::string(what) + " needs a value on its line");
        at_ += end;
        return std::string(whole.substr(quotes.size(), whole.size() - 2 * quotes.size()));
      }
      if (end == rest.size()) {
        fail("the value of " + std::string(what) + " begins with " + std::string(quotes) +
             " and no line ends with them");
      }
    }
  }

  std::string line_value(std::string_view what) {
    std::string text = value(what);
    if (text.empty()) fail(std::string(what) + " is empty");
    if (text.find('\n') != std::string::npos) fail(std::string(what) + " is more than one line");
    return text;
  }

  void read_instruction(const std::string& name) {
    if (name == "from") {
      if (!modelfile_.from.empty()) fail("a second FROM; a model is built on one");
      modelfile_.from = line_value("FROM");
    } else if (name == "parameter") {
      read_parameter();
    } else if (name == "template") {
      modelfile_.template_text = value("TEMPLATE");
    } else if (name == "system") {
      modelfile_.system = value("SYSTEM");
    } else if (name == "message") {
      read_message();
    } else if (name == "license") {
      modelfile_.licences.push_back(value("LICENSE"));
    } else {
      refuse_instruction(name);
    }
  }

  [[noreturn]] void refuse_instruction(const std::string& name) const {
    if (name == "adapter") {
      fail("ADAPTER is not supported: merge the adapter into the model, and say FROM that",
           ErrorCode::kUnsupported);
    }
    if (name == "renderer" || name == "parser") {
      fail("RENDERER and PARSER name code of Ollama's: give a TEMPLATE as Jinja instead",
           ErrorCode::kUnsupported);
    }
    if (name == "draft" || name == "requires") {
      fail(printable_quoted(name) + " is not supported: leave it out", ErrorCode::kUnsupported);
    }
    fail("no instruction " + printable_quoted(name) +
         "; there are FROM, PARAMETER, TEMPLATE, SYSTEM, MESSAGE and LICENSE");
  }

  void read_parameter() {
    std::string name(word("the name of a PARAMETER"));
    const std::string text = value("PARAMETER");
    try {
      ParameterValue parsed = parse_parameter(name, text);
      modelfile_.parameters.push_back({std::move(name), std::move(parsed)});
    } catch (const Error& error) {
      fail(error.message());
    }
  }

  void read_message() {
    std::string role(word("the role of a MESSAGE"));
    if (role != "system" && role != "user" && role != "assistant") {
      fail("a MESSAGE of " + printable_quoted(role) + "; wanted system, user or assistant");
    }
    modelfile_.messages.push_back({std::move(role), value("MESSAGE")});
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;  // of the instruction
  std::size_t counted_to_ = 0, counted_lines_ = 0;
  Modelfile modelfile_;
};

// In the form that reads back as the same text.
std::string written(std::string_view text) {
  const bool is_plain = !text.empty() && text.front() != '"' &&
                        text.find('\n') == std::string_view::npos &&
                        kSpaces.find(text.front()) == std::string_view::npos &&
                        kSpaces.find(text.back()) == std::string_view::npos;
  if (is_plain) return std::string(text);
  for (std::size_t end = text.find('\n'); end != std::string_view::npos;
       end = text.find('\n', end + 1)) {
    if (trimmed_right(text.substr(0, end)).ends_with(kThreeQuotes)) {
      refuse("a line that ends in \"\"\" cannot be written into a Modelfile");
    }
  }
  return std::string(kThreeQuotes).append(text).append(kThreeQuotes);
}

std::string written_value(const ParameterValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return written(*text);
  return to_text(value);
}

}  // namespace

std::string to_text(const ParameterValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&value)) return number_text(*number);
  return std::get<std::string>(value);
}

std::span<const ParameterRule> parameter_rules() noexcept { return kRules; }

const ParameterRule* find_parameter_rule(std::string_view name) noexcept {
  const auto* rule = std::find_if(kRules.begin(), kRules.end(),
                                  [&](const ParameterRule& known) { return known.name == name; });
  return rule == kRules.end() ? nullptr : rule;
}

ParameterValue parse_parameter(std::string_view name, std::string_view text) {
  const ParameterRule* rule = find_parameter_rule(name);
  if (rule == nullptr) {
    std::string known;
    for (const ParameterRule& other : kRules) {
      if (other.kind == ParameterKind::kWithoutEffect) continue;
      known += (known.empty() ? "" : ", ") + std::string(other.name);
    }
    refuse("no parameter " + printable_quoted(name) + "; there are " + known);
  }
  const auto fits = [&](double number) {
    return number >= rule->minimum && number <= rule->maximum;
  };
  if (rule->kind == ParameterKind::kInteger) {
    const auto number = read_number<std::int64_t>(text);
    if (number && fits(static_cast<double>(*number))) return *number;
  } else if (rule->kind == ParameterKind::kNumber) {
    const auto number = read_number<double>(text);
    if (number && fits(*number)) return *number;
  } else {
    if (!text.empty() || rule->kind == ParameterKind::kWithoutEffect) return std::string(text);
    refuse(std::string(name) + " is empty");
  }
  refuse(std::string(name) + " is " + printable_quoted(text) + "; wanted " + range_text(*rule));
}

std::string Modelfile::licence_text() const {
  std::string text;
  for (const std::string& licence : licences) text += (text.empty() ? "" : "\n") + licence;
  return text;
}

std::vector<std::string> Modelfile::without_effect() const {
  std::vector<std::string> names;
  for (const ModelfileParameter& parameter : parameters) {
    const ParameterRule* rule = find_parameter_rule(parameter.name);
    if (rule == nullptr || rule->takes_effect) continue;
    if (std::find(names.begin(), names.end(), parameter.name) != names.end()) continue;
    names.push_back(parameter.name);
  }
  return names;
}

Modelfile parse_modelfile(std::string_view text) {
  if (text.size() > kModelfileBytesMax) {
    refuse("the Modelfile has " + std::to_string(text.size()) + " bytes, at most " +
           std::to_string(kModelfileBytesMax) + " are read: is it one?");
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::size_t good = std::min(valid_utf8_prefix(text), text.find('\0'));
  if (good < text.size()) {
    const auto line = 1 + std::count(text.begin(), text.begin() + good, '\n');
    refuse("Modelfile, line " + std::to_string(line) + ": it is not UTF-8 text: save it as UTF-8");
  }
  const std::string plain = with_plain_newlines(text);
  return Reader(plain).read();
}

std::string to_text(const Modelfile& modelfile) {
  std::string text = "FROM " + written(modelfile.from) + "\n";
  if (modelfile.template_text) text += "TEMPLATE " + written(*modelfile.template_text) + "\n";
  if (modelfile.system) text += "SYSTEM " + written(*modelfile.system) + "\n";
  for (const ModelfileParameter& parameter : modelfile.parameters) {
    text += "PARAMETER " + parameter.name + " " + written_value(parameter.value) + "\n";
  }
  for (const ModelfileMessage& message : modelfile.messages) {
    text += "MESSAGE " + message.role + " " + written(message.content) + "\n";
  }
  for (const std::string& licence : modelfile.licences) {
    text += "LICENSE " + written(licence) + "\n";
  }
  return text;
}

}  // namespace hearth
