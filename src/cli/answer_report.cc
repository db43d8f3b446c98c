#include "cli/answer_report.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

namespace hearth {
namespace {

std::string amount(std::size_t tokens) {
  return std::to_string(tokens) + (tokens == 1 ? " token" : " tokens");
}

// Tokens per second need neither cost nor limits.
AnswerSpeed without_machine(const Answer& answer) { return answer_speed(answer, {}, {}); }

std::string fixed(double value, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

// ", 8.3 GB/s of weights (70 % of this machine's 11.9)"; nothing when nothing was measured.
std::string machine_share(double value, double limit, const char* unit, int digits) {
  if (value <= 0) return {};
  std::string text = ", " + fixed(value, digits) + unit;
  if (limit > 0) {
    text += " (" + fixed(100 * share_of(value, limit), 0) + " % of this machine's " +
            fixed(limit, digits) + ")";
  }
  return text;
}

nlohmann::ordered_json machine_json(const AnswerSpeed& speed) {
  return {{"prompt_gops", speed.prompt.gops},
          {"gops_peak", speed.limits.int8_gops},
          {"prompt_share", share_of(speed.prompt.gops, speed.limits.int8_gops)},
          {"generation_gbytes_per_second", speed.generation.gbytes_per_second},
          {"read_bandwidth", speed.limits.read_gbytes_per_second},
          {"generation_share",
           share_of(speed.generation.gbytes_per_second, speed.limits.read_gbytes_per_second)}};
}

}  // namespace

AnswerSpeed answer_speed(const Answer& answer, const TokenCost& cost, const MachineLimits& limits) {
  const AnswerTimings& timings = answer.timings;
  const std::size_t prompt = answer.prompt_tokens;
  const std::size_t computed = prompt - std::min(timings.cached_tokens, prompt);
  const std::size_t generated = std::max<std::size_t>(answer.answer_tokens, 1) - 1;
  return {prompt_speed(cost, computed, timings.prompt_seconds),
          generation_speed(cost, generated, timings.generation_seconds), limits};
}

std::string to_json(const Answer& answer, const AnswerContext& context) {
  const AnswerTimings& timings = answer.timings;
  const AnswerSpeed speed = context.speed.value_or(without_machine(answer));
  nlohmann::ordered_json object = {
      {"text", answer.text},
      {"prompt_tokens", answer.prompt_tokens},
      {"answer_tokens", answer.answer_tokens},
      {"prompt_token_ids", answer.prompt_token_ids},
      {"token_ids", answer.token_ids},
      {"finish_reason", answer.finish_reason},
      {"seed", context.seed},
      {"device", context.device},
      {"timings",
       {{"load_seconds", context.load_seconds},
        {"prompt_seconds", timings.prompt_seconds},
        {"prompt_tokens_per_second", speed.prompt.tokens_per_second},
        {"generation_seconds", timings.generation_seconds},
        {"generation_tokens_per_second", speed.generation.tokens_per_second},
        {"cached_tokens", timings.cached_tokens}}}};
  if (context.speed) object["machine"] = machine_json(speed);
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string full_context_text(const Answer& answer, const ModelCard& card) {
  const std::size_t prompt = answer.prompt_tokens;
  const std::size_t generated = answer.answer_tokens;
  if (answer.finish_reason != "length" || prompt + generated < card.context) return {};
  return "the answer is cut after " + amount(generated) + ": with the prompt's " +
         std::to_string(prompt) + " the context of " + std::to_string(card.context) + " is full";
}

std::string speed_text(const Answer& answer, const std::optional<AnswerSpeed>& measured) {
  const AnswerSpeed speed = measured.value_or(without_machine(answer));
  std::string text = "prompt: " + amount(answer.prompt_tokens);
  if (answer.timings.cached_tokens > 0) {
    text += " (" + std::to_string(answer.timings.cached_tokens) + " cached)";
  }
  text += ", " + fixed(speed.prompt.tokens_per_second, 1) + " tokens/s" +
          machine_share(speed.prompt.gops, speed.limits.int8_gops, " Gop/s", 0);
  return text + "\nanswer: " + amount(answer.answer_tokens) + ", " +
         fixed(speed.generation.tokens_per_second, 1) + " tokens/s" +
         machine_share(speed.generation.gbytes_per_second, speed.limits.read_gbytes_per_second,
                       " GB/s of weights", 1);
}

}  // namespace hearth
