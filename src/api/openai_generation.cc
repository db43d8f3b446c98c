#include "api/openai_generation.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/error.h"
#include "format/printable.h"

namespace hearth {
namespace {

using nlohmann::json;

constexpr double kBiasMax = 100;

TokenId token_of_key(const std::string& key) {
  TokenId id = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (key.empty() || key[0] == '-' || error != std::errc() || end != key.data() + key.size()) {
    throw FieldError("logit_bias", "logit_bias has the key " + printable_quoted(key) +
                                       ", must be token ids: integers from 0 to 2147483647");
  }
  return id;
}

void read_logit_bias(const json& body, SamplingOptions& sampling) {
  const json* biases = find_field(body, "logit_bias");
  if (!biases) return;
  for (const auto& [key, value] : biases->items()) {
    const TokenId id = token_of_key(key);
    const double bias = value.is_number() ? value.get<double>() : kBiasMax + 1;
    if (!(bias >= -kBiasMax && bias <= kBiasMax)) {
      throw FieldError("logit_bias", "logit_bias[" + key + "] must be a number from -100 to 100");
    }
    sampling.logit_bias.emplace_back(id, static_cast<float>(bias));
  }
}

// Two names of one thing: both may be there if they say the same.
template <class T>
void read_either(const json& body, std::string_view name, std::string_view other, T& out) {
  T second{};
  const bool first_there = read_field(body, name, out);
  if (!read_field(body, other, second)) return;
  if (first_there && out != second) {
    throw FieldError(std::string(other), std::string(name) + " and " + std::string(other) +
                                             " say different things: give one");
  }
  out = second;
}

void read_sampling(const json& body, SamplingOptions& sampling) {
  read_field(body, "temperature", sampling.temperature);
  read_field(body, "top_p", sampling.top_p);
  read_field(body, "top_k", sampling.top_k);
  read_field(body, "min_p", sampling.min_p);
  read_field(body, "presence_penalty", sampling.presence_penalty);
  read_field(body, "frequency_penalty", sampling.frequency_penalty);
  read_either(body, "repeat_penalty", "repetition_penalty", sampling.repeat_penalty);
  read_logit_bias(body, sampling);
}

constexpr std::pair<std::string_view, std::string_view> kOptionNames[] = {
    {"temperature", "temperature"},
    {"top_p", "top_p"},
    {"top_k", "top_k"},
    {"min_p", "min_p"},
    {"presence_penalty", "presence_penalty"},
    {"frequency_penalty", "frequency_penalty"},
    {"repeat_penalty", "repeat_penalty"},
    {"repetition_penalty", "repeat_penalty"},
    {"seed", "seed"},
    {"stop", "stop"},
    {"max_tokens", "num_predict"},
    {"max_completion_tokens", "num_predict"},
};

void read_stream(const json& body, GenerateCall& call) {
  read_field(body, "stream", call.stream);
  const json* options = find_field(body, "stream_options");
  if (!options) return;
  if (!call.stream) {
    throw FieldError("stream_options", "stream_options is only for streams: set stream to true");
  }
  read_field(*options, "include_usage", call.include_usage);
}

}  // namespace

GenerateCall read_openai_generation(const json& body) {
  GenerateCall call;
  call.sampling = plain_sampling();
  read_field(body, "model", call.model);
  read_sampling(body, call.sampling);
  note_options_given(body, kOptionNames, call);
  call.seed_given = read_seed(body, call.sampling.seed);
  read_either(body, "max_tokens", "max_completion_tokens", call.max_tokens);
  call.stop = read_strings(body, "stop", kOpenAiStopsMax, StopMatcher::kStopBytesMax);
  read_field(body, "n", call.n);
  read_stream(body, call);
  read_field(body, "ignore_eos", call.ignore_eos);
  read_overflow(body, call.overflow);
  read_field(body, "user", call.user);
  return call;
}

void check_answers(const GenerateCall& call) {
  const std::size_t answers = call.prompts.size() * call.n;
  if (answers <= kAnswersMax) return;
  throw FieldError("n", "n is " + std::to_string(call.n) + " for " +
                            std::to_string(call.prompts.size()) + " prompts, " +
                            std::to_string(answers) + " answers; at most " +
                            std::to_string(kAnswersMax) + " are given at once");
}

}  // namespace hearth
