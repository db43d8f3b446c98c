// Answerer: whoever answers: the model in this process, or a running server. `hearth run` speaks to
// this alone.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "chat/conversation.h"
#include "engine/sampler.h"
#include "host/loaded_model.h"
#include "host/model_defaults.h"

namespace hearth {

struct AskOptions {
  SamplingOptions sampling;
  std::size_t max_tokens = SIZE_MAX;
  bool ignore_eos = false;
  std::vector<std::string> stop;  // texts that end the answer, and are not part of it
  // Called before the prompt is computed and after each part of it; with done == all once it is
  // whole, which it never is where the answer is refused or cancelled. After a preemption it begins
  // again.
  std::function<void(std::size_t done_tokens, std::size_t all_tokens)> on_prompt;
};

struct AnswerTimings {
  double prompt_seconds = 0;      // until the first token of the answer was chosen
  double generation_seconds = 0;  // from then on
  std::size_t cached_tokens = 0;  // of the prompt, found in the cache
};

struct Answer {
  std::string text;
  std::size_t prompt_tokens = 0;
  std::size_t answer_tokens = 0;  // the end-of-turn token is not among them
  // The tokens themselves; empty where a server answered, which does not tell.
  std::vector<TokenId> prompt_token_ids;
  std::vector<TokenId> token_ids;
  std::string finish_reason;  // "stop", "length", "cancelled"
  AnswerTimings timings;
};

// What a person is told about the model.
struct ModelCard {
  std::string name;         // general.name, or the architecture
  std::size_t context = 0;  // positions
  std::uint64_t parameters = 0;
  std::uint64_t file_bytes = 0;
  bool has_template = false;  // false: chat() runs as plain completion
  std::string device;
  std::string system = {};  // the model's own message, of conversations that have none
  std::vector<std::pair<std::string, std::string>> parameters_set = {};  // ModelDefaults'
};

class Answerer {
 public:
  // New text of the answer, whole UTF-8 characters.
  using OnText = std::function<void(std::string_view)>;

  virtual ~Answerer() = default;
  virtual const ModelCard& card() const = 0;
  // The next message of the assistant. kResourceExhausted, with both numbers, when the conversation
  // outgrows the context: nothing is cut silently.
  virtual Answer chat(const Conversation& conversation, const AskOptions& options,
                      const OnText& on_text, const CancelToken* cancel) = 0;
  // Continues the text as it is, without a template (`--raw`).
  virtual Answer complete(std::string_view prompt, const AskOptions& options, const OnText& on_text,
                          const CancelToken* cancel) = 0;
};

// Answers with a model of this process. `loaded` must outlive it. Of the defaults, the parameters
// are the caller's to follow.
std::unique_ptr<Answerer> make_local_answerer(LoadedModel& loaded, ModelDefaults defaults = {});

}  // namespace hearth
