// The options of Ollama's requests and models. Defaults are those that Ollama documents
// (docs/modelfile.md, "Valid parameters and values").
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/error.h"
#include "api/ollama.h"
#include "api/ollama_request.h"
#include "text/stop_matcher.h"

namespace hearth {
namespace {

using nlohmann::json;

// The largest and smallest whole numbers that 64 bits and a double hold both.
constexpr double kSeedMax = 9223372036854774784.0;   // 2^63 - 2^10
constexpr double kSeedMin = -9223372036854775808.0;  // -2^63
constexpr double kStopMax = StopMatcher::kStopBytesMax;

constexpr auto kNoEffect = Field::Served::kNoEffect;

constexpr Field kOptionFields[] = {
    {"num_predict", kFieldInteger, -2, kFieldInt32Max,
     "Most tokens to answer with; 0: only the prompt; -1, -2: until the context is full."},
    {"temperature", kFieldNumber, 0, 100, "0: always the likeliest token. Default 0.8."},
    {"top_k", kFieldInteger, -1, kFieldInt32Max, "The k likeliest tokens; 0, -1: all. Default 40."},
    {"top_p", kFieldNumber, 0, 1, "The likeliest whose probabilities reach p. Default 0.9."},
    {"min_p", kFieldNumber, 0, 1, "At least this share of the likeliest's probability. Default 0."},
    {"typical_p", kFieldNumber, 0, 1, "Locally typical sampling; 1: off, the default."},
    {"repeat_penalty", kFieldNumber, 0.01, 100, "Against repetition; 1: off. Default 1.1."},
    {"repeat_last_n", kFieldInteger, -1, kFieldInt32Max,
     "How many tokens count as recent; 0: none, -1: all. Default 64."},
    {"presence_penalty", kFieldNumber, -100, 100, "Against tokens that occurred. Default 0."},
    {"frequency_penalty", kFieldNumber, -100, 100, "Per occurrence of a token. Default 0."},
    {"seed", kFieldInteger, kSeedMin, kSeedMax, "The same seed, the same answer; negative: any."},
    {"stop", kFieldString | kFieldArray, 0, kStopMax, "A text that ends the answer, or several."},
    {"num_ctx", kFieldInteger, 1, kFieldInt32Max,
     "Tokens the context must hold; the server says how many it does hold."},
    {"num_keep", kFieldInteger, -1, kFieldInt32Max, "Taken.", false, kNoEffect},
    {"num_batch", kFieldInteger, 0, kFieldInt32Max, "Taken; the server decides.", false, kNoEffect},
    {"num_gpu", kFieldInteger, -1, kFieldInt32Max, "Taken; the server decides.", false, kNoEffect},
    {"main_gpu", kFieldInteger, 0, kFieldInt32Max, "Taken; the server decides.", false, kNoEffect},
    {"num_thread", kFieldInteger, 0, kFieldInt32Max, "Taken; the server decides.", false,
     kNoEffect},
    {"numa", kFieldBoolean, 0, 0, "Taken; the server decides.", false, kNoEffect},
    {"low_vram", kFieldBoolean, 0, 0, "Taken; the server decides.", false, kNoEffect},
    {"f16_kv", kFieldBoolean, 0, 0, "Taken; the server decides.", false, kNoEffect},
    {"use_mmap", kFieldBoolean, 0, 0, "Taken; the server decides.", false, kNoEffect},
    {"use_mlock", kFieldBoolean, 0, 0, "Taken; the server decides.", false, kNoEffect},
    {"logits_all", kFieldBoolean, 0, 0, "Taken; the server decides.", false, kNoEffect},
    {"vocab_only", kFieldBoolean, 0, 0, "Taken; the server decides.", false, kNoEffect},
    {"embedding_only", kFieldBoolean, 0, 0, "Taken; the server decides.", false, kNoEffect},
    {"penalize_newline", kFieldBoolean, 0, 0, "Taken; the penalties are the same for all tokens.",
     false, kNoEffect},
    unserved("tfs_z", "Tail-free sampling; only 1, off.", is_one),
    unserved("mirostat", "Mirostat sampling; only 0, off.", is_zero),
    {"mirostat_tau", kFieldNumber, 0, 100, "Taken; Mirostat is off.", false, kNoEffect},
    {"mirostat_eta", kFieldNumber, 0, 100, "Taken; Mirostat is off.", false, kNoEffect},
};

std::vector<std::string> read_stops(const json& options) {
  return read_strings(options, "stop", StopMatcher::kStopsMax, StopMatcher::kStopBytesMax);
}

using ReadOption = bool (*)(const json& options, std::string_view name, GenerateCall& call);

template <auto member>
bool read_sampling(const json& options, std::string_view name, GenerateCall& call) {
  return read_field(options, name, call.sampling.*member);
}

bool read_num_predict(const json& options, std::string_view name, GenerateCall& call) {
  int count = 0;
  if (!read_field(options, name, count)) return false;
  if (count >= 0) call.max_tokens = static_cast<std::size_t>(count);
  return true;
}

bool read_seed_option(const json& options, std::string_view name, GenerateCall& call) {
  const json* value = find_field(options, name);
  if (value == nullptr) return false;
  const auto seed = value->get<std::int64_t>();
  call.seed_given = seed >= 0;
  if (call.seed_given) call.sampling.seed = static_cast<std::uint64_t>(seed);
  return true;
}

bool read_stop(const json& options, std::string_view name, GenerateCall& call) {
  if (find_field(options, name) == nullptr) return false;
  call.stop = read_stops(options);
  return true;
}

bool read_num_ctx(const json& options, std::string_view name, GenerateCall& call) {
  return read_field(options, name, call.context_size);
}

// Those that change something here.
constexpr std::pair<std::string_view, ReadOption> kOptionReaders[] = {
    {"num_predict", read_num_predict},
    {"temperature", read_sampling<&SamplingOptions::temperature>},
    {"top_k", read_sampling<&SamplingOptions::top_k>},
    {"top_p", read_sampling<&SamplingOptions::top_p>},
    {"min_p", read_sampling<&SamplingOptions::min_p>},
    {"typical_p", read_sampling<&SamplingOptions::typical_p>},
    {"repeat_penalty", read_sampling<&SamplingOptions::repeat_penalty>},
    {"repeat_last_n", read_sampling<&SamplingOptions::repeat_last_n>},
    {"presence_penalty", read_sampling<&SamplingOptions::presence_penalty>},
    {"frequency_penalty", read_sampling<&SamplingOptions::frequency_penalty>},
    {"seed", read_seed_option},
    {"stop", read_stop},
    {"num_ctx", read_num_ctx},
};

}  // namespace

std::span<const Field> ollama_option_fields() noexcept { return kOptionFields; }

void read_ollama_options(const json& options, GenerateCall& call) {
  for (const auto& [name, read] : kOptionReaders) {
    if (read(options, name, call)) call.options_given.emplace_back(name);
  }
}

OllamaParameters read_ollama_parameters(const json& parameters) {
  OllamaParameters list;
  for (const auto& [name, value] : parameters.items()) {
    if (!value.is_null() && name != "stop") list.emplace_back(name, value.dump());
  }
  for (std::string& stop : read_stops(parameters)) list.emplace_back("stop", std::move(stop));
  return list;
}

void apply_ollama_parameters(std::span<const std::pair<std::string, std::string>> parameters,
                             GenerateCall& call) {
  json options = json::object();
  for (const auto& [name, text] : parameters) {
    if (std::ranges::find(call.options_given, name) != call.options_given.end()) continue;
    if (name == "stop") {
      options[name].push_back(text);
    } else {
      json value = json::parse(text, nullptr, false);
      options[name] = value.is_discarded() ? json(text) : std::move(value);
    }
  }
  check_fields(options, kOptionFields, "parameters");
  read_ollama_options(options, call);
}

}  // namespace hearth
