// The Answerer of a model in this process: renders, tokenizes, drives the engine, turns tokens into
// text.
#include <chrono>
#include <ctime>

#include "chat/prompt.h"
#include "host/answerer.h"
#include "text/detokenizer.h"
#include "text/stop_matcher.h"

namespace hearth {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const char* text_of(FinishReason reason) noexcept {
  switch (reason) {
    case FinishReason::kStop: return "stop";
    case FinishReason::kLength: return "length";
    case FinishReason::kCancelled: return "cancelled";
  }
  return "stop";
}

SpecialTexts special_texts(const Tokenizer& tokenizer) {
  SpecialTexts texts;
  if (tokenizer.bos()) texts.bos = tokenizer.piece(*tokenizer.bos(), true);
  if (tokenizer.eos()) texts.eos = tokenizer.piece(*tokenizer.eos(), true);
  return texts;
}

// One answer in the making: takes tokens, gives text.
class Generation {
 public:
  Generation(const LoadedModel& loaded, const AskOptions& options, const Answerer::OnText& on_text)
      : tokenizer_(*loaded.tokenizer),
        options_(options),
        on_text_(on_text),
        detokenizer_(loaded.tokenizer, std::nullopt),
        stop_(options.stop) {}

  void start(std::vector<TokenId> prompt) {
    answer_.prompt_token_ids = std::move(prompt);
    started_ = Clock::now();
  }

  // False when the answer ends here.
  bool accept(TokenId id) {
    if (first_token_ == Clock::time_point{}) {
      first_token_ = Clock::now();
      answer_.timings.prompt_seconds =
          std::chrono::duration<double>(first_token_ - started_).count();
    }
    if (tokenizer_.ends_generation(id) && !options_.ignore_eos) return false;
    answer_.token_ids.push_back(id);
    return emit(detokenizer_.push(id));
  }

  void end(FinishReason reason) {
    answer_.finish_reason = text_of(reason);
    if (!stopped_ && emit(detokenizer_.flush())) give(stop_.flush());
    if (first_token_ != Clock::time_point{})
      answer_.timings.generation_seconds = seconds_since(first_token_);
  }

  Answer take() { return std::move(answer_); }

 private:
  bool emit(const std::string& text) {
    const StopMatcher::Result result = stop_.push(text);
    give(result.text);
    stopped_ = result.stop.has_value();
    return !stopped_;
  }
  void give(const std::string& text) {
    if (text.empty()) return;
    answer_.text += text;
    if (on_text_) on_text_(text);
  }

  const Tokenizer& tokenizer_;
  const AskOptions& options_;
  const Answerer::OnText& on_text_;
  Detokenizer detokenizer_;
  StopMatcher stop_;
  bool stopped_ = false;  // by a stop string
  Answer answer_;
  Clock::time_point started_, first_token_;
};

class LocalAnswerer final : public Answerer {
 public:
  explicit LocalAnswerer(LoadedModel& loaded)
      : loaded_(loaded),
        format_(loaded.file.metadata().optional_string("tokenizer.chat_template").value_or(""),
                special_texts(*loaded.tokenizer)) {
    const GgufMetadata& metadata = loaded.file.metadata();
    card_.name =
        metadata.optional_string("general.name").value_or(loaded.model->config().architecture);
    card_.context = loaded.engine->context();
    for (const GgufTensor& tensor : loaded.file.tensors()) card_.parameters += tensor.elements();
    card_.file_bytes = loaded.file.file_bytes();
    card_.has_template = format_.has_template();
    card_.device = loaded.device->name();
  }

  const ModelCard& card() const override { return card_; }

  Answer chat(const Conversation& conversation, const AskOptions& options, const OnText& on_text,
              const CancelToken* cancel) override {
    PromptOptions prompt_options;
    const std::time_t now = std::time(nullptr);
    localtime_r(&now, &prompt_options.now);
    const RenderedPrompt prompt = format_.render(conversation, prompt_options);
    const EncodeOptions encode{
        .add_special = !prompt.has_bos, .parse_special = true, .plain = prompt.user_ranges};
    return generate(loaded_.tokenizer->encode(prompt.text, encode), options, on_text, cancel);
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
    const std::uint64_t cached = loaded_.engine->counters().cached_rows;
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
    request.on_token = [&](TokenId id) { return generation.accept(id); };
    request.on_finish = [&](FinishReason reason) { generation.end(reason); };
    request.cancel = cancel;
    loaded_.engine->submit(std::move(request));
    loaded_.engine->run();
    Answer answer = generation.take();
    answer.timings.cached_tokens = loaded_.engine->counters().cached_rows - cached;
    return answer;
  }

  LoadedModel& loaded_;
  PromptFormat format_;
  ModelCard card_;
};

}  // namespace

std::unique_ptr<Answerer> make_local_answerer(LoadedModel& loaded) {
  return std::make_unique<LocalAnswerer>(loaded);
}

}  // namespace hearth
