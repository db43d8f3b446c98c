// What is told about an answer: its JSON for scripts, its speed for people. Pure functions.
#pragma once

#include <functional>
#include <string>

#include "host/answerer.h"

namespace hearth {

// A further line about an answer's speed (GB/s, the share of this machine's limit); empty: none.
using SpeedHook = std::function<std::string(const Answer&)>;

// Tokens that had to be computed, per second; 0 when none was, or it took no time.
double prompt_tokens_per_second(const Answer& answer);
// Of the tokens after the first: the first one comes with the prompt.
double generation_tokens_per_second(const Answer& answer);

// One object, on one line.
std::string to_json(const Answer& answer, double load_seconds);
// "prompt: 34 tokens (12 cached), 210.4 tokens/s", then the same of the answer.
std::string speed_text(const Answer& answer);

}  // namespace hearth
