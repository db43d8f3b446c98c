#include <nlohmann/json.hpp>
#include <utility>

#include "api/error.h"
#include "api/openai.h"
#include "api/openai_generation.h"

namespace hearth {
namespace {

using nlohmann::json;

constexpr Field kCompletionOwnFields[] = {
    {.name = "prompt",
     .types = kFieldString | kFieldArray,
     .max = kFieldTextBytesMax,
     .about = "A text, texts, tokens, or arrays of tokens; no template is applied, and control "
              "tokens in a text are read. Up to 64 answers in all."},
    {.name = "suffix",
     .types = kFieldString,
     .max = kFieldTextBytesMax,
     .about = "What stands after the answer: fill in the middle, where the model has learnt it."},
    {.name = "echo", .types = kFieldBoolean, .about = "The prompt comes before the answer."},
    {.name = "logprobs",
     .types = kFieldInteger,
     .max = 5,
     .about = "Tell the logarithm of each token's probability, and of so many likeliest."},
    {.name = "best_of",
     .types = kFieldInteger,
     .min = 1,
     .max = 16,
     .about = "As n: nothing else is served."},
};

constexpr auto kCompletionFields = joined_fields(kOpenAiSharedFields, kCompletionOwnFields);

Prompt prompt_of(TextOrTokens&& prompt) {
  if (auto* tokens = std::get_if<std::vector<TokenId>>(&prompt)) return std::move(*tokens);
  // Who writes a prompt without a template writes the control tokens too.
  return RawText{.text = std::move(std::get<std::string>(prompt)), .parse_special = true};
}

void read_prompts(const json& body, GenerateCall& call) {
  for (TextOrTokens& prompt : read_texts_or_tokens(body, "prompt", kAnswersMax)) {
    call.prompts.push_back(prompt_of(std::move(prompt)));
  }
  if (call.prompts.empty()) call.prompts.emplace_back(RawText{});
}

void check_best_of(const json& body, const GenerateCall& call) {
  std::size_t best_of = call.n;
  read_field(body, "best_of", best_of);
  if (best_of == call.n) return;
  throw FieldError("best_of", "best_of is " + std::to_string(best_of) + ", must be as n is, " +
                                  std::to_string(call.n) + ": choosing is not served yet");
}

}  // namespace

std::span<const Field> openai_completion_fields() noexcept { return kCompletionFields; }

GenerateCall parse_openai_completion(std::string_view text) {
  const json body = parse_body(text);
  check_fields(body, kCompletionFields);
  GenerateCall call = read_openai_generation(body);
  read_prompts(body, call);
  check_answers(call);
  check_best_of(body, call);
  read_field(body, "echo", call.echo);
  read_field(body, "logprobs", call.top_logprobs);
  std::string suffix;
  read_field(body, "suffix", suffix);
  if (!suffix.empty()) call.suffix = std::move(suffix);
  return call;
}

}  // namespace hearth
