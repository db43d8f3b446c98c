// What /v1/chat/completions and /v1/completions have in common: fields and how they are read.
// Immutable tables and pure functions; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "api/call.h"
#include "api/field_table.h"
#include "api/fields.h"
#include "api/generation.h"
#include "api/harmless.h"
#include "api/values.h"
#include "text/stop_matcher.h"

namespace hearth {

inline constexpr std::size_t kOpenAiStopsMax = 16;

inline constexpr Field kOpenAiStreamFields[] = {
    {.name = "include_usage",
     .types = kFieldBoolean,
     .about = "A last chunk without choices tells the usage."},
    {.name = "include_obfuscation",
     .types = kFieldBoolean,
     .about = "Padding that hides the lengths of chunks.",
     .served = Field::Served::kNotServed,
     .harmless = is_empty_or_false},
};

inline constexpr Field kOpenAiSharedFields[] = {
    {.name = "model",
     .types = kFieldString,
     .min = 1,
     .max = kFieldNameBytesMax,
     .about = "The model that answers.",
     .required = true},
    {.name = "max_tokens",
     .types = kFieldInteger,
     .max = kFieldInt32Max,
     .about = "Tokens of an answer, at most; 0 computes the prompt alone. Absent: what the context "
              "still holds."},
    {.name = "temperature",
     .types = kFieldNumber,
     .max = 2,
     .about = "0 takes the likeliest token; 1, the default, draws as the model says."},
    {.name = "top_p",
     .types = kFieldNumber,
     .max = 1,
     .about = "Draws from the likeliest tokens whose probabilities reach this."},
    {.name = "n", .types = kFieldInteger, .min = 1, .max = 16, .about = "Answers to each prompt."},
    {.name = "stop",
     .types = kFieldString | kFieldArray,
     .max = StopMatcher::kStopBytesMax,
     .about = "Texts that end the answer and are not part of it: one, or up to 16, each of 1 to "
              "1024 bytes."},
    {.name = "seed",
     .types = kFieldInteger,
     .min = -0x1p63,
     .max = 0x1p63,
     .about = "The same seed and request give the same answer."},
    {.name = "presence_penalty",
     .types = kFieldNumber,
     .min = -2,
     .max = 2,
     .about = "Subtracted from tokens that stand among the last 64."},
    {.name = "frequency_penalty",
     .types = kFieldNumber,
     .min = -2,
     .max = 2,
     .about = "Subtracted for each time that a token stands among the last 64."},
    {.name = "logit_bias",
     .types = kFieldObject,
     .max = kLogitBiasMax,
     .about = "Token id to what is added to its logit, -100 to 100."},
    {.name = "stream", .types = kFieldBoolean, .about = "Send the answer as it grows, as events."},
    {.name = "stream_options",
     .types = kFieldObject,
     .max = 16,
     .about = "Only with stream.",
     .members = kOpenAiStreamFields},
    {.name = "user",
     .types = kFieldString,
     .max = kFieldOpaqueBytesMax,
     .about = "Who asks, in the caller's own words.",
     .served = Field::Served::kNoEffect},
    {.name = "top_k",
     .types = kFieldInteger,
     .min = -1,
     .max = kFieldInt32Max,
     .about = "Draws from so many likeliest tokens; 0 and -1: all. Not OpenAI's."},
    {.name = "min_p",
     .types = kFieldNumber,
     .max = 1,
     .about = "Leaves out tokens less probable than this share of the likeliest. Not OpenAI's."},
    {.name = "repeat_penalty",
     .types = kFieldNumber,
     .min = 0.01,
     .max = 100,
     .about = "Divides the logits of the last 64 tokens; 1: off. Not OpenAI's."},
    {.name = "repetition_penalty",
     .types = kFieldNumber,
     .min = 0.01,
     .max = 100,
     .about = "Another name of repeat_penalty."},
    {.name = "ignore_eos",
     .types = kFieldBoolean,
     .about = "Go on past the end of the text. Not OpenAI's."},
    {.name = "overflow", .types = kFieldString, .max = 16, .about = kOverflowAbout},
};

// Everything but the prompt and logprobs.
GenerateCall read_openai_generation(const nlohmann::json& body);
// Refuses more answers than kAnswersMax.
void check_answers(const GenerateCall& call);

}  // namespace hearth
