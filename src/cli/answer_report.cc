#include "cli/answer_report.h"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

namespace hearth {
namespace {

double per_second(std::size_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

std::string amount(std::size_t tokens) {
  return std::to_string(tokens) + (tokens == 1 ? " token" : " tokens");
}

}  // namespace

double prompt_tokens_per_second(const Answer& answer) {
  const std::size_t prompt = answer.prompt_token_ids.size();
  const std::size_t cached = std::min(answer.timings.cached_tokens, prompt);
  return per_second(prompt - cached, answer.timings.prompt_seconds);
}

double generation_tokens_per_second(const Answer& answer) {
  if (answer.token_ids.empty()) return 0;
  return per_second(answer.token_ids.size() - 1, answer.timings.generation_seconds);
}

std::string to_json(const Answer& answer, double load_seconds) {
  const AnswerTimings& timings = answer.timings;
  const nlohmann::ordered_json object = {
      {"text", answer.text},
      {"prompt_token_ids", answer.prompt_token_ids},
      {"token_ids", answer.token_ids},
      {"finish_reason", answer.finish_reason},
      {"timings",
       {{"load_seconds", load_seconds},
        {"prompt_seconds", timings.prompt_seconds},
        {"prompt_tokens_per_second", prompt_tokens_per_second(answer)},
        {"generation_seconds", timings.generation_seconds},
        {"generation_tokens_per_second", generation_tokens_per_second(answer)},
        {"cached_tokens", timings.cached_tokens}}}};
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string speed_text(const Answer& answer) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1)
       << "prompt: " << amount(answer.prompt_token_ids.size());
  if (answer.timings.cached_tokens > 0) text << " (" << answer.timings.cached_tokens << " cached)";
  text << ", " << prompt_tokens_per_second(answer)
       << " tokens/s\nanswer: " << amount(answer.token_ids.size()) << ", "
       << generation_tokens_per_second(answer) << " tokens/s";
  return text.str();
}

}  // namespace hearth
