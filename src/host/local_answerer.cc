// The Answerer of a model in this process: renders, tokenizes, drives the engine, turns tokens into
// text.
#include <chrono>

#include "base/seconds.h"
#include "host/answer_text.h"
#include "host/answerer.h"
#include "host/model_prompts.h"

namespace hearth {
namespace {

using Clock = std::chrono::steady_clock;

const char* text_of(FinishReason reason) noexcept {
  switch (reason) {
    case FinishReason::kStop: return "stop";
    case FinishReason::kLength: return "length";
    case FinishReason::kCancelled: return "cancelled";
  }
  return "stop";
}

// One answer in the making: takes tokens, gives text.
class Generation {
 public:
  Generation(const LoadedModel& loaded, const AskOptions& options, const Answerer::OnText& on_text)
      : on_text_(on_text), text_(loaded.tokenizer, options.stop, options.ignore_eos) {}

  void start(std::vector<TokenId> prompt) {
    answer_.prompt_tokens = prompt.size();
    answer_.prompt_token_ids = std::move(prompt);
    started_ = Clock::now();
  }

  void found(std::size_t cached_tokens) { answer_.timings.cached_tokens = cached_tokens; }

  // False when the answer ends here.
  bool accept(TokenId id) {
    if (first_token_ == Clock::time_point{}) {
      first_token_ = Clock::now();
      answer_.timings.prompt_seconds =
          std::chrono::duration<double>(first_token_ - started_).count();
    }
    const AnswerText::Step step = text_.push(id);
    if (step.is_part) {
      answer_.token_ids.push_back(id);
      ++answer_.answer_tokens;
    }
    give(step.text);
    return !step.ends;
  }

  void end(FinishReason reason) {
    answer_.finish_reason = text_of(reason);
    give(text_.flush());
    if (first_token_ != Clock::time_point{})
      answer_.timings.generation_seconds = seconds_since(first_token_);
  }

  Answer take() { return std::move(answer_); }

 private:
  void give(const std::string& text) {
    if (text.empty()) return;
    answer_.text += text;
    if (on_text_) on_text_(text);
  }

  const Answerer::OnText& on_text_;
  AnswerText text_;
  Answer answer_;
  Clock::time_point started_, first_token_;
};

class LocalAnswerer final : public Answerer {
 public:
  LocalAnswerer(LoadedModel& loaded, ModelDefaults defaults)
      : loaded_(loaded),
        defaults_(std::move(defaults)),
        prompts_(loaded.tokenizer, template_of(defaults_, loaded.file.metadata())) {
    const GgufMetadata& metadata = loaded.file.metadata();
    card_.name =
        metadata.optional_string("general.name").value_or(loaded.model->config().architecture);
    card_.context = loaded.engine->context();
    for (const GgufTensor& tensor : loaded.file.tensors()) card_.parameters += tensor.elements();
    card_.file_bytes = loaded.file.file_bytes();
    card_.has_template = prompts_.has_template();
    card_.device = loaded.device->name();
    card_.system = defaults_.system;
    card_.parameters_set = defaults_.parameters;
  }

  const ModelCard& card() const override { return card_; }

  Answer chat(const Conversation& conversation, const AskOptions& options, const OnText& on_text,
              const CancelToken* cancel) override {
    return generate(prompts_.chat(with_defaults(conversation, defaults_)), options, on_text,
                    cancel);
  }

  Answer complete(std::string_view prompt, const AskOptions& options, const OnText& on_text,
                  const CancelToken* cancel) override {
    return generate(
        loaded_.tokenizer->encode(prompt, {.add_special = true, .parse_special = false}), options,
        on_text, cancel);
  }

 private:
  Answer generate(std::vector<TokenId> prompt, const AskOptions& options, const OnText& on_text,
                  const CancelToken* cancel) {
    Generation generation(loaded_, options, on_text);
    generation.start(prompt);
    Request request;
    request.prompt = std::move(prompt);
    request.sampling = options.sampling;
    request.max_tokens = options.max_tokens;
    if (options.on_prompt) {
      options.on_prompt(0, request.prompt.size());
      request.on_prompt = [&, all = request.prompt.size()](std::size_t positions) {
        options.on_prompt(positions, all);
      };
    }
    request.on_cached = [&](std::size_t tokens) { generation.found(tokens); };
    request.on_token = [&](TokenId id) { return generation.accept(id); };
    request.on_finish = [&](FinishReason reason) { generation.end(reason); };
    request.cancel = cancel;
    loaded_.engine->submit(std::move(request));
    loaded_.engine->run();
    return generation.take();
  }

  LoadedModel& loaded_;
  ModelDefaults defaults_;
  ModelPrompts prompts_;
  ModelCard card_;
};

}  // namespace

std::unique_ptr<Answerer> make_local_answerer(LoadedModel& loaded, ModelDefaults defaults) {
  return std::make_unique<LocalAnswerer>(loaded, std::move(defaults));
}

}  // namespace hearth
