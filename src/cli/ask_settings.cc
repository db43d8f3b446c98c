#include "cli/ask_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <random>
#include <sstream>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "cli/chat_input.h"
#include "format/printable.h"

namespace hearth {
namespace {

[[noreturn]] void refuse(const AskSetting& setting, std::string_view text,
                         std::string_view wanted) {
  throw Error(ErrorCode::kInvalidArgument, std::string(setting.name) + " is " +
                                               printable_quoted(text) + "; wanted " +
                                               std::string(wanted));
}

template <typename T>
T number(const AskSetting& setting, std::string_view text) {
  T value{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool good = error == std::errc() && rest == text.data() + text.size();
  if constexpr (std::is_floating_point_v<T>) good = good && std::isfinite(value);
  if (!good) {
    refuse(setting, text,
           std::is_floating_point_v<T> ? "a number, like 0.7"
           : std::is_unsigned_v<T>     ? "a whole number from 0"
                                       : "a whole number");
  }
  return value;
}

bool on_or_off(const AskSetting& setting, std::string_view text) {
  if (text == "on" || text == "true" || text == "1") return true;
  if (text == "off" || text == "false" || text == "0") return false;
  refuse(setting, text, "on or off");
}

template <typename T>
std::string shown(T value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

template <auto kMember>
constexpr AskSetting sampling(std::string_view name, std::string_view value,
                              std::string_view description) {
  return {name, value, description,
          [](AskSettings& settings, const AskSetting& self, std::string_view text) {
            auto& member = settings.options.sampling.*kMember;
            member = number<std::remove_reference_t<decltype(member)>>(self, text);
          },
          [](const AskSettings& settings) { return shown(settings.options.sampling.*kMember); }};
}

void set_seed(AskSettings& settings, const AskSetting& self, std::string_view text) {
  settings.seed =
      text == "random" ? std::nullopt : std::optional(number<std::uint64_t>(self, text));
}

std::string get_seed(const AskSettings& settings) {
  return settings.seed ? shown(*settings.seed) : "random";
}

void set_max_tokens(AskSettings& settings, const AskSetting& self, std::string_view text) {
  settings.options.max_tokens = text == "unlimited" ? SIZE_MAX : number<std::size_t>(self, text);
}

std::string get_max_tokens(const AskSettings& settings) {
  const std::size_t tokens = settings.options.max_tokens;
  return tokens == SIZE_MAX ? "unlimited" : shown(tokens);
}

constexpr std::array kSettings{
    sampling<&SamplingOptions::temperature>("temperature", "T",
                                            "How freely tokens are drawn; 0 takes the likeliest"),
    sampling<&SamplingOptions::top_k>("top-k", "K", "Draw from the K likeliest; 0 from all"),
    sampling<&SamplingOptions::top_p>("top-p", "P", "Draw from the likeliest that make up P"),
    sampling<&SamplingOptions::min_p>("min-p", "P", "Leave out what is below P of the likeliest"),
    sampling<&SamplingOptions::typical_p>("typical-p", "P", "Locally typical sampling; 1 is off"),
    sampling<&SamplingOptions::repeat_penalty>("repeat-penalty", "X",
                                               "Divide recent tokens' logits by X; 1 is off"),
    sampling<&SamplingOptions::presence_penalty>("presence-penalty", "X",
                                                 "Subtract X from recent tokens' logits"),
    sampling<&SamplingOptions::frequency_penalty>("frequency-penalty", "X",
                                                  "Subtract X for each recent occurrence"),
    sampling<&SamplingOptions::repeat_last_n>("repeat-last-n", "N",
                                              "How many tokens are recent; -1 is all"),
    AskSetting{"seed", "S", "Draw the same tokens again", set_seed, get_seed},
    AskSetting{"max-tokens", "N", "End the answer after N tokens", set_max_tokens, get_max_tokens},
    AskSetting{"ignore-eos", "", "Go on where the model would end its answer",
               [](AskSettings& settings, const AskSetting& self, std::string_view text) {
                 settings.options.ignore_eos = on_or_off(self, text);
               },
               [](const AskSettings& settings) {
                 return std::string(settings.options.ignore_eos ? "on" : "off");
               }},
    AskSetting{
        "verbose", "", "Show the speed after each answer",
        [](AskSettings& settings, const AskSetting& self, std::string_view text) {
          settings.verbose = on_or_off(self, text);
        },
        [](const AskSettings& settings) { return std::string(settings.verbose ? "on" : "off"); }},
};

}  // namespace

AskOptions AskSettings::for_one_answer() const {
  AskOptions chosen = options;
  std::random_device device;
  // 63 bits: JSON readers that know only signed numbers give it back whole.
  chosen.sampling.seed = seed ? *seed : (static_cast<std::uint64_t>(device()) << 31) ^ device();
  return chosen;
}

std::span<const AskSetting> ask_settings() { return kSettings; }

void follow_parameters(std::span<const std::pair<std::string, std::string>> parameters,
                       std::span<const std::string> given, AskSettings& settings) {
  const bool stops_given = !settings.options.stop.empty();
  for (const auto& [parameter, text] : parameters) {
    if (parameter == "stop") {
      if (!stops_given) settings.options.stop.push_back(text);
      continue;
    }
    std::string name = parameter == "num_predict" ? "max-tokens" : parameter;
    std::ranges::replace(name, '_', '-');
    if (std::ranges::find(given, name) != given.end()) continue;
    try {
      set_by_name(settings, name, text);
    } catch (const Error&) {
      continue;  // num_predict -1 and a negative seed ask for what is so anyway
    }
  }
}

void set_by_name(AskSettings& settings, std::string_view name, std::string_view text) {
  std::vector<std::string_view> names;
  for (const AskSetting& setting : kSettings) {
    names.push_back(setting.name);
    if (setting.name != name) continue;
    AskSettings changed = settings;
    setting.set(changed, setting, text);
    validate(changed.options.sampling);
    settings = changed;
    return;
  }
  const std::string_view nearest = nearest_word(name, names);
  throw Error(ErrorCode::kNotFound,
              "there is no setting " + printable_quoted(name) +
                  (nearest.empty() ? "" : "; did you mean '" + std::string(nearest) + "'?") +
                  " (/set lists them)");
}

}  // namespace hearth
