// What is told about an answer: its JSON for scripts, its speed for people. Pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "eval/speed.h"
#include "host/answerer.h"

namespace hearth {

struct AnswerSpeed {
  Speed prompt;      // of the tokens that had to be computed
  Speed generation;  // of the tokens after the first, which comes with the prompt
  MachineLimits limits;
};

// Measures this machine's limits when it is first called, for less than a second.
using SpeedHook = std::function<AnswerSpeed(const Answer&)>;

AnswerSpeed answer_speed(const Answer& answer, const TokenCost& cost, const MachineLimits& limits);

// What an answer does not tell of itself.
struct AnswerContext {
  std::uint64_t seed = 0;  // really used: with it, the same call draws the same tokens
  double load_seconds = 0;
  std::string device;  // its name: instruction set and threads
  std::optional<AnswerSpeed> speed;
};

// One object, on one line.
std::string to_json(const Answer& answer, const AnswerContext& context);
// Where an answer was cut because the context is full: a line with both numbers; else empty.
std::string full_context_text(const Answer& answer, const ModelCard& card);

// "prompt: 34 tokens (12 cached), 210.4 tokens/s, 57 Gop/s (21 % of this machine's 270)", then the
// same of the answer with what it read of the weights. Without `speed`, tokens per second alone.
std::string speed_text(const Answer& answer, const std::optional<AnswerSpeed>& speed);

}  // namespace hearth
