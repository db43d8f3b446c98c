#include "eval/bench.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/random.h"

namespace hearth {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<TokenId> random_prompt(const Model& model, std::size_t tokens) {
  Random random(1);
  std::vector<TokenId> prompt;
  for (std::size_t i = 0; i < tokens; ++i) {
    prompt.push_back(static_cast<TokenId>(random.next() % model.config().vocabulary));
  }
  return prompt;
}

// Seconds from the first step to the last token; generation starts its clock at the first token.
double seconds_of(Engine& engine, std::vector<TokenId> prompt, std::size_t generated) {
  Request request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.max_tokens = generated + 1;
  request.reuse_prefix = false;
  Clock::time_point first = Clock::now();
  bool any = false;
  request.on_token = [&](TokenId) {
    if (!any && generated > 0) first = Clock::now();
    any = true;
    return true;
  };
  engine.submit(std::move(request));
  engine.run();
  return std::chrono::duration<double>(Clock::now() - first).count();
}

// speed_of: of one run that took these seconds.
BenchRow summarize(std::string name, std::vector<double> seconds,
                   const std::function<Speed(double)>& speed_of) {
  std::sort(seconds.begin(), seconds.end());
  BenchRow row;
  row.name = std::move(name);
  row.speed = speed_of(seconds[seconds.size() / 2]);
  row.tokens_per_second_min = speed_of(seconds.back()).tokens_per_second;
  row.tokens_per_second_max = speed_of(seconds.front()).tokens_per_second;
  return row;
}

}  // namespace

std::vector<BenchRow> bench(const BenchSubject& subject, const BenchOptions& options) {
  const TokenCost cost = token_cost(subject.file);
  std::vector<double> prompt_seconds;
  std::vector<double> generation_seconds;
  for (std::size_t i = 0; i <= options.repetitions; ++i) {
    const double p =
        seconds_of(subject.engine, random_prompt(subject.model, options.prompt_tokens), 0);
    const double g =
        seconds_of(subject.engine, random_prompt(subject.model, 1), options.generated_tokens);
    if (i == 0) continue;  // warms caches and pages
    prompt_seconds.push_back(p);
    generation_seconds.push_back(g);
  }
  const std::size_t prompt = options.prompt_tokens;
  const std::size_t generated = options.generated_tokens;
  return {summarize("pp" + std::to_string(prompt), prompt_seconds,
                    [&](double seconds) { return prompt_speed(cost, prompt, seconds); }),
          summarize("tg" + std::to_string(generated), generation_seconds,
                    [&](double seconds) { return generation_speed(cost, generated, seconds); })};
}

}  // namespace hearth
