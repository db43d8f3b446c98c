// What any dialect asks for and gets back, in one vocabulary: a dialect parses its JSON into a
// call, and a writer turns what happens into its JSON. Plain values. Knows no socket, no engine
// thread, no model in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "chat/conversation.h"
#include "engine/sampler.h"

namespace hearth {

enum class Dialect { kOpenAi, kOllama, kAnthropic, kLlama };

// How long a model stays after its last request.
struct KeepAlive {
  double seconds = 0;  // negative: for ever
};

// What to do when prompt and answer outgrow the context.
enum class Overflow {
  kError,     // refuse
  kTruncate,  // drop the oldest of the prompt until it fits
  kShift,     // also drop while answering
};

// A text as it is, without a template; `parse_special`: control tokens in it are read.
struct RawText {
  std::string text;
  bool add_special = true;
  bool parse_special = false;
};
using Prompt = std::variant<Conversation, RawText, std::vector<TokenId>>;

struct GenerateCall {
  std::string model;
  std::vector<Prompt> prompts;        // one, but for lists of /v1/completions
  std::optional<std::string> suffix;  // fill in the middle: what stands after the answer
  SamplingOptions sampling;           // seed: drawn by the server unless seed_given
  bool seed_given = false;
  std::optional<std::size_t> max_tokens;  // 0: only the prompt
  std::vector<std::string> stop;
  std::size_t n = 1;                        // answers to each prompt
  std::optional<std::size_t> top_logprobs;  // 0: of the chosen token alone
  bool echo = false;
  bool ignore_eos = false;
  bool stream = false;
  bool include_usage = false;
  Overflow overflow = Overflow::kError;
  std::optional<KeepAlive> keep_alive;
  std::optional<std::size_t> context_size;  // Ollama's num_ctx: tokens it wants room for
  // Names of Ollama's options that the request set itself: what the model's own parameters say of
  // the others holds (apply_ollama_parameters).
  std::vector<std::string> options_given;
  std::optional<std::string> system;         // Ollama's generate: instead of the model's own
  std::optional<std::string> chat_template;  // Jinja, instead of the model's own
  std::vector<TokenId> context;              // Ollama's generate: tokens before the prompt
  std::string user;                          // opaque; goes nowhere
};

struct EmbedCall {
  std::string model;
  std::vector<std::variant<std::string, std::vector<TokenId>>> inputs;
  std::optional<std::size_t> dimensions;
  bool base64 = false;
  bool truncate = false;  // an input that outgrows the context: cut it, else refuse
  std::optional<KeepAlive> keep_alive;
};

// One token's probability and those of the likeliest beside it, natural logarithms.
struct TokenLogprob {
  TokenId id = 0;
  std::string bytes;
  float logprob = 0;
};
struct PieceLogprobs {
  TokenLogprob token;
  std::vector<TokenLogprob> top;  // likeliest first
};

// New text of an answer, whole characters; it may be empty where tokens made none yet.
struct Piece {
  std::string text;
  std::vector<PieceLogprobs> logprobs;  // of the tokens since the last piece, when asked for
};

enum class Finish { kStop, kStopText, kLength, kCancelled };

struct AnswerEnd {
  Finish finish = Finish::kStop;
  std::string stop_text;         // the stop string that ended it (kStopText)
  std::vector<TokenId> context;  // prompt and answer, for Ollama's generate
};

struct TokenUsage {
  std::size_t prompt_tokens = 0;
  std::size_t cached_tokens = 0;   // of the prompt, found in the cache
  std::size_t answer_tokens = 0;   // of all answers
  std::size_t context_limit = 0;   // tokens the context holds
  std::size_t dropped_tokens = 0;  // by Overflow
};

struct CallTimings {
  double total_seconds = 0, load_seconds = 0, prompt_seconds = 0, answer_seconds = 0;
};

// What a reply says about itself; known before the first token.
struct ReplyHead {
  std::string id;  // request id, without a dialect's prefix
  std::string model;
  std::int64_t created_unix_ms = 0;
};

}  // namespace hearth
