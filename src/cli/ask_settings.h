// AskSettings: how to answer, as a person sets it: the same names, checks and defaults for the
// flags of `hearth run` and for /set in a chat. A value.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "host/answerer.h"

namespace hearth {

struct AskSettings {
  AskOptions options;
  std::optional<std::uint64_t> seed;  // none: another one for every answer
  bool verbose = false;

  // The options of one answer, its seed chosen.
  AskOptions for_one_answer() const;
};

struct AskSetting {
  std::string_view name;   // "top-k"
  std::string_view value;  // what it takes: "N", "T"; empty for on or off
  std::string_view description;
  // Throws kInvalidArgument with the name, the text and what is wanted.
  void (*set)(AskSettings& settings, const AskSetting& self, std::string_view text);
  std::string (*get)(const AskSettings& settings);
};

std::span<const AskSetting> ask_settings();

// A model's own parameters (ModelDefaults), but for the settings in `given`, and for stop texts
// where there are some. Values that do not fit are left out.
void follow_parameters(std::span<const std::pair<std::string, std::string>> parameters,
                       std::span<const std::string> given, AskSettings& settings);

// Leaves `settings` as they were when it throws: kNotFound for an unknown name (with the nearest
// one), kInvalidArgument for a value that does not fit.
void set_by_name(AskSettings& settings, std::string_view name, std::string_view text);

}  // namespace hearth
