#include "server/generation.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/exhausted.h"
#include "base/seconds.h"
#include "engine/logprobs.h"
#include "server/busy.h"

namespace hearth {
namespace {

using Clock = std::chrono::steady_clock;

// Of a prompt that outgrows the context, dropped besides what must go, so that there is room to
// answer.
constexpr std::size_t kAnswerPart = 4;  // a quarter of the context

// That a client may be a whole buffer behind.
constexpr double kBehindSeconds = 10;

// A stream says something at least so often, while a long prompt is read.
constexpr double kPingSeconds = 10;

// Of an answer that shifts and has no max_tokens, in contexts; Ollama's limit, too.
constexpr std::size_t kShiftedContextsMax = 10;

constexpr int kLeftStatus = 499;  // of a reply that did not come to its end, as nginx logs it

class Generation : public std::enable_shared_from_this<Generation> {
 public:
  explicit Generation(GenerationParts parts)
      : parts_(std::move(parts)), prompts_(prompt_tokens(parts_.call, *parts_.model)) {
    usage_.context_limit = context();
    parts_.headers.emplace_back("X-Context-Limit", std::to_string(context()));
    for (std::vector<TokenId>& prompt : prompts_) fit(prompt);
    for (std::size_t p = 0; p < prompts_.size(); ++p) {
      usage_.prompt_tokens += prompts_[p].size();
      for (std::size_t i = 0; i < parts_.call.n; ++i) add_answer(p);
    }
  }

  void start() {
    refuse_if_full(*parts_.model, answers_.size(), parts_.waiting_max);
    parts_.model->engine->post(
        [self = shared_from_this()](Engine& engine) { self->submit(engine); }, answers_.size());
  }

 private:
  struct Answer {
    std::size_t index;
    std::size_t prompt;
    AnswerText text;
    std::vector<TokenId> tokens = {};
    std::size_t dropped = 0;                          // of prompt and tokens, by shifts
    Piece piece = {};                                 // logprobs gathered since text last came
    std::vector<PieceLogprobs> prompt_logprobs = {};  // of an echo, from its second token on
    bool echoed = false;
    Clock::time_point last_token = {};
    bool ended = false;
  };

  // Positions that prompt and answer may take.
  std::size_t context() const {
    return std::min(parts_.model->loaded->engine->context(),
                    parts_.call.context_size.value_or(SIZE_MAX));
  }
  const Tokenizer& tokenizer() const { return *parts_.model->loaded->tokenizer; }

  void add_answer(std::size_t prompt) {
    answers_.push_back({.index = answers_.size(),
                        .prompt = prompt,
                        .text = AnswerText(parts_.model->loaded->tokenizer, parts_.call.stop,
                                           parts_.call.ignore_eos)});
  }

  // Drops the oldest of what does not fit, when that was asked for.
  void fit(std::vector<TokenId>& prompt) {
    const std::size_t answer = std::min<std::size_t>(parts_.call.max_tokens.value_or(1), 1);
    if (prompt.size() + answer <= context() || parts_.call.overflow == Overflow::kError) return;
    const std::size_t room = std::max(answer, context() / kAnswerPart);
    const std::size_t kept = std::max<std::size_t>(1, context() - room);
    const std::size_t dropped = prompt.size() - kept;
    drop_oldest(prompt, dropped);
    usage_.dropped_tokens += dropped;
  }

  // The first token may open the text for the model: it stays.
  static void drop_oldest(std::vector<TokenId>& tokens, std::size_t count) {
    tokens.erase(tokens.begin() + 1, tokens.begin() + 1 + static_cast<std::ptrdiff_t>(count));
  }

  void submit(Engine& engine) {
    for (Answer& answer : answers_) {
      if (!submit(engine, answer)) return;
    }
  }

  // False when it was refused, and the call has failed.
  bool submit(Engine& engine, Answer& answer) {
    try {
      engine.submit(request_of(answer));
      return true;
    } catch (const Error& error) {
      fail(error);
      return false;
    }
  }

  Request request_of(Answer& answer) {
    const GenerateCall& call = parts_.call;
    Request request;
    request.prompt = prompts_[answer.prompt];
    request.prompt.insert(request.prompt.end(), answer.tokens.begin(), answer.tokens.end());
    drop_oldest(request.prompt, answer.dropped);
    request.tenant = parts_.tenant;
    request.priority = parts_.priority;
    request.sampling = call.sampling;
    request.sampling.seed += answer.index % call.n;
    request.max_tokens = call.max_tokens.value_or(SIZE_MAX);
    if (request.max_tokens != SIZE_MAX) request.max_tokens -= answer.tokens.size();
    check_fits(request.prompt.size(), request.max_tokens);
    request.max_tokens = std::min(request.max_tokens, context() - request.prompt.size());
    request.cancel = &parts_.exchange->gone();
    const auto self = shared_from_this();
    Answer* const at = &answer;
    request.on_cached = [self, at](std::size_t tokens) { self->found(*at, tokens); };
    if (call.top_logprobs) {
      request.top_logprobs = *call.top_logprobs;
      request.on_logprobs = [self, at](const TokenLogprobs& of) {
        at->piece.logprobs.push_back(self->named(0, of));  // accept() knows the token
      };
    }
    if (call.top_logprobs && call.echo) {
      request.reuse_prefix = false;  // every position's logits are wanted
      request.on_logits = [self, at](std::size_t position, std::span<const float> logits) {
        self->read(*at, position, logits);
      };
    }
    request.on_prompt = [self](std::size_t) { self->ping(); };
    request.on_token = [self, at](TokenId id) { return self->accept(*at, id); };
    request.on_finish = [self, at](FinishReason reason) { self->finish(*at, reason); };
    request.on_error = [self](const Error& error) { self->fail(error); };
    return request;
  }

  // The engine's own check knows nothing of num_ctx.
  void check_fits(std::size_t prompt, std::size_t max_tokens) const {
    if (prompt + std::min<std::size_t>(max_tokens, 1) <= context()) return;
    throw ContextError("the prompt has " + std::to_string(prompt) +
                       " tokens and the context holds " + std::to_string(context()) +
                       ", the answer included; shorten the prompt or ask for a larger context");
  }

  // Its prompt is being computed. What further answers to one prompt find is the first one's work.
  void found(const Answer& answer, std::size_t cached_tokens) {
    if (answer.index % parts_.call.n == 0 && answer.dropped == 0)
      usage_.cached_tokens += cached_tokens;
    if (begun_) return;
    begun_ = true;
    if (parts_.call.stream) open_stream();
    send(parts_.writer->begin(usage_.prompt_tokens, usage_.cached_tokens));
  }

  // While the prompt is read: clients give up on a stream that says nothing for minutes.
  void ping() {
    if (seconds_since(last_sent_) >= kPingSeconds) send(parts_.writer->ping());
  }

  PieceLogprobs named(TokenId id, const TokenLogprobs& of) const {
    PieceLogprobs logprobs{.token = {.id = id, .bytes = bytes_of(id), .logprob = of.logprob},
                           .top = {}};
    for (const auto& [other, logprob] : of.top) {
      logprobs.top.push_back({other, bytes_of(other), logprob});
    }
    return logprobs;
  }
  std::string bytes_of(TokenId id) const { return tokenizer().piece(id, false); }

  // What the model said of an echoed prompt's next token.
  void read(Answer& answer, std::size_t position, std::span<const float> logits) {
    const std::vector<TokenId>& prompt = prompts_[answer.prompt];
    if (position + 1 >= prompt.size()) return;
    const TokenId next = prompt[position + 1];
    answer.prompt_logprobs.push_back(
        named(next, token_logprobs(logits, next, *parts_.call.top_logprobs)));
  }

  // The prompt, as the answer's first piece. Its first token was not predicted: NaN.
  void echo(Answer& answer) {
    if (!parts_.call.echo || std::exchange(answer.echoed, true)) return;
    const std::vector<TokenId>& prompt = prompts_[answer.prompt];
    Piece piece{.text = tokenizer().decode(prompt, false), .logprobs = {}};
    if (parts_.call.top_logprobs) {
      piece.logprobs = std::move(answer.prompt_logprobs);
      PieceLogprobs first{.token = {prompt[0], bytes_of(prompt[0]), std::nanf("")}, .top = {}};
      piece.logprobs.insert(piece.logprobs.begin(), std::move(first));
    }
    send(parts_.writer->piece(answer.index, piece));
  }

  bool accept(Answer& answer, TokenId id) {
    echo(answer);
    const Clock::time_point now = Clock::now();
    if (report_.first_token_seconds == 0)
      report_.first_token_seconds = seconds_since(parts_.arrived);
    if (answer.last_token != Clock::time_point{}) {
      report_.token_gaps_seconds.push_back(
          std::chrono::duration<float>(now - answer.last_token).count());
    }
    answer.last_token = now;
    AnswerText::Step step = answer.text.push(id);
    if (step.is_part) {
      answer.tokens.push_back(id);
      ++usage_.answer_tokens;
      if (!answer.piece.logprobs.empty()) {
        answer.piece.logprobs.back().token.id = id;
        answer.piece.logprobs.back().token.bytes = bytes_of(id);
      }
    } else if (!answer.piece.logprobs.empty()) {
      answer.piece.logprobs.pop_back();
    }
    give(answer, std::move(step.text));
    return !step.ends && !done_;
  }

  void give(Answer& answer, std::string text) {
    if (text.empty()) return;
    answer.piece.text = std::move(text);
    send(parts_.writer->piece(answer.index, std::exchange(answer.piece, {})));
  }

  void finish(Answer& answer, FinishReason reason) {
    if (done_) return;
    if (reason == FinishReason::kCancelled) return cut();
    if (reason == FinishReason::kLength && shift(answer)) return;
    echo(answer);
    std::string rest = answer.text.flush();
    if (!rest.empty() || !answer.piece.logprobs.empty()) {
      answer.piece.text = std::move(rest);
      send(parts_.writer->piece(answer.index, std::exchange(answer.piece, {})));
    }
    AnswerEnd end;
    if (const auto stop = answer.text.stop()) {
      end.finish = Finish::kStopText;
      end.stop_text = parts_.call.stop[*stop];
    } else {
      end.finish = reason == FinishReason::kStop ? Finish::kStop : Finish::kLength;
    }
    end.context = prompts_[answer.prompt];
    end.context.insert(end.context.end(), answer.tokens.begin(), answer.tokens.end());
    if (answer.index == 0) report_.finish = end.finish;
    send(parts_.writer->finish(answer.index, end));
    answer.ended = true;
    if (std::all_of(answers_.begin(), answers_.end(), [](const Answer& a) { return a.ended; }))
      end_call();
  }

  // The context is full and the answer is not: drops half of what is there, and goes on.
  bool shift(Answer& answer) {
    const std::size_t wanted = parts_.call.max_tokens.value_or(SIZE_MAX);
    if (parts_.call.overflow != Overflow::kShift || answer.tokens.size() >= wanted) return false;
    if (!parts_.call.max_tokens && answer.tokens.size() >= kShiftedContextsMax * context())
      return false;
    const std::size_t held = prompts_[answer.prompt].size() + answer.tokens.size() - answer.dropped;
    if (held < 2) return false;
    answer.dropped += held / 2;
    usage_.dropped_tokens += held / 2;
    parts_.model->engine->post(
        [self = shared_from_this(), at = &answer](Engine& engine) { self->submit(engine, *at); },
        1);
    return true;
  }

  void send(std::string bytes) {
    if (done_ || bytes.empty()) return;
    if (!parts_.call.stream) {
      body_ += bytes;
      return;
    }
    open_stream();
    last_sent_ = Clock::now();
    switch (parts_.exchange->write(std::move(bytes))) {
      case HttpExchange::Write::kOk: behind_since_.reset(); break;
      case HttpExchange::Write::kGone: leave(); break;
      case HttpExchange::Write::kFull:
        if (!behind_since_) behind_since_ = last_sent_;
        if (seconds_since(*behind_since_) >= kBehindSeconds)
          fail(Error(ErrorCode::kCancelled, "the stream was not read for too long"));
        break;
    }
  }

  void open_stream() {
    if (streaming_) return;
    streaming_ = true;
    HttpFields headers = parts_.headers;
    headers.emplace_back("Content-Type", parts_.writer->content_type());
    headers.emplace_back("Cache-Control", "no-cache");
    parts_.exchange->begin(200, std::move(headers));
  }

  void end_call() {
    const CallTimings timings{
        .total_seconds = seconds_since(parts_.arrived),
        .load_seconds = parts_.load_seconds,
        .prompt_seconds = std::max(0.0, report_.first_token_seconds - parts_.load_seconds),
        .answer_seconds =
            std::max(0.0, seconds_since(parts_.arrived) - report_.first_token_seconds)};
    send(parts_.writer->end(usage_, timings));
    if (done_) return;
    report(false);  // first: a client's next request must find this one's place free
    if (parts_.call.stream) {
      open_stream();
      parts_.exchange->end();
    } else {
      HttpFields headers = parts_.headers;
      headers.emplace_back("Content-Type", parts_.writer->content_type());
      parts_.exchange->reply(
          {.status = 200, .headers = std::move(headers), .body = std::move(body_)});
    }
  }

  void fail(const Error& error) {
    if (done_) return;
    tell(error);
    report(true);
  }

  // The server stops, or the client has left, and reads nothing more.
  void cut() {
    tell(Error(ErrorCode::kUnavailable, "the server is stopping: ask again in a while"));
    report_.finish = Finish::kCancelled;
    report_.status = kLeftStatus;
    report(false);
  }

  void tell(const Error& error) {
    const ApiError told = api_error(error);
    report_.error = told.code;
    if (error.code() == ErrorCode::kInternal || !error.detail().empty())
      report_.fault = error.message() + ": " + error.detail();
    if (streaming_) {
      parts_.exchange->write(parts_.writer->error(told));
      parts_.exchange->end();
    } else {
      HttpFields headers = parts_.headers;
      headers.emplace_back("Content-Type", "application/json");
      parts_.exchange->reply({.status = told.status,
                              .headers = std::move(headers),
                              .body = error_body(parts_.dialect, told, parts_.request_id)});
      report_.status = told.status;
    }
  }

  // The client has left, or is too far behind.
  void leave() {
    report_.finish = Finish::kCancelled;
    report_.status = kLeftStatus;
    report(false);
  }

  void report(bool failed) {
    if (std::exchange(done_, true)) return;
    report_.failed = failed;
    report_.usage = usage_;
    report_.total_seconds = seconds_since(parts_.arrived);
    report_.load_seconds = parts_.load_seconds;
    if (parts_.on_end) parts_.on_end(report_);
  }

  GenerationParts parts_;
  std::vector<std::vector<TokenId>> prompts_;
  std::vector<Answer> answers_;  // never moves once started
  TokenUsage usage_;
  GenerationReport report_;
  std::string body_;  // of a reply that is no stream
  Clock::time_point last_sent_ = Clock::now();
  std::optional<Clock::time_point> behind_since_;  // a whole buffer
  bool begun_ = false, streaming_ = false, done_ = false;
};

// The control token of that text, where the model has one.
std::optional<TokenId> control_token(const Tokenizer& tokenizer, std::string_view text) {
  const std::vector<TokenId> ids =
      tokenizer.encode(text, {.add_special = false, .parse_special = true});
  if (ids.size() == 1 && tokenizer.is_control(ids[0])) return ids[0];
  return std::nullopt;
}

// Fill in the middle (Bavarian et al. 2022), prefix first, with the texts that models use.
std::vector<TokenId> infill_tokens(const Tokenizer& tokenizer, std::string_view prefix,
                                   std::string_view suffix) {
  static constexpr std::string_view kTexts[][3] = {
      {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
      {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
      {"<|fim▁begin|>", "<|fim▁hole|>", "<|fim▁end|>"},
  };
  for (const auto& texts : kTexts) {
    const auto before = control_token(tokenizer, texts[0]),
               after = control_token(tokenizer, texts[1]),
               middle = control_token(tokenizer, texts[2]);
    if (!before || !after || !middle) continue;
    const EncodeOptions plain{.add_special = false, .parse_special = false};
    std::vector<TokenId> tokens{*before};
    const auto append = [&](std::string_view text) {
      const std::vector<TokenId> ids = tokenizer.encode(text, plain);
      tokens.insert(tokens.end(), ids.begin(), ids.end());
    };
    append(prefix);
    tokens.push_back(*after);
    append(suffix);
    tokens.push_back(*middle);
    return tokens;
  }
  throw FieldError("suffix",
                   "this model has no tokens to fill in the middle with: leave suffix out");
}

Conversation with_system(Conversation conversation, const std::optional<std::string>& system) {
  if (!system) return conversation;
  auto& messages = conversation.messages;
  if (!messages.empty() && messages.front().role == "system") messages.erase(messages.begin());
  messages.insert(messages.begin(), Message{.role = "system", .content = *system});
  return conversation;
}

// What a call's own template gets wrong is that field's fault, whatever the template's room says.
template <typename Work>
auto blame_template(const GenerateCall& call, Work work) {
  try {
    return work();
  } catch (const Error& error) {
    if (call.chat_template) throw FieldError("template", error.message());
    throw;
  }
}

}  // namespace

std::vector<std::vector<TokenId>> prompt_tokens(const GenerateCall& call,
                                                const HostedModel& model) {
  const Tokenizer& tokenizer = *model.loaded->tokenizer;
  std::optional<ModelPrompts> own_template;
  if (call.chat_template) {
    own_template = blame_template(
        call, [&] { return ModelPrompts(model.loaded->tokenizer, *call.chat_template); });
  }
  const ModelPrompts& prompts = own_template ? *own_template : *model.prompts;
  const auto tokens_of = [&](const Prompt& prompt) -> std::vector<TokenId> {
    if (const auto* tokens = std::get_if<std::vector<TokenId>>(&prompt)) return *tokens;
    if (const auto* conversation = std::get_if<Conversation>(&prompt))
      return blame_template(call,
                            [&] { return prompts.chat(with_system(*conversation, call.system)); });
    const auto& raw = std::get<RawText>(prompt);
    if (call.suffix) return infill_tokens(tokenizer, raw.text, *call.suffix);
    return tokenizer.encode(raw.text,
                            {.add_special = raw.add_special, .parse_special = raw.parse_special});
  };
  std::vector<std::vector<TokenId>> all;
  for (const Prompt& prompt : call.prompts) {
    std::vector<TokenId> tokens = call.context;
    const std::vector<TokenId> rest = tokens_of(prompt);
    tokens.insert(tokens.end(), rest.begin(), rest.end());
    all.push_back(std::move(tokens));
  }
  return all;
}

std::string_view finish_name(const GenerationReport& report) noexcept {
  if (report.failed) return "error";
  switch (report.finish) {
    case Finish::kStop:
    case Finish::kStopText: return "stop";
    case Finish::kLength: return "length";
    case Finish::kCancelled: return "abort";
  }
  return "stop";
}

void refuse_if_full(const HostedModel& model, std::size_t sequences, std::size_t waiting_max) {
  const EngineLoad load = model.engine->load();
  if (load.running + load.waiting + sequences <= load.places + waiting_max) return;
  throw BusyError("the queue is full: " + std::to_string(load.waiting) + " answers wait, at most " +
                      std::to_string(waiting_max) + " may",
                  load.wait_seconds);
}

void start_generation(GenerationParts parts) {
  std::make_shared<Generation>(std::move(parts))->start();
}

}  // namespace hearth
