#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/exhausted.h"
#include "engine/logprobs.h"

namespace hearth {
namespace {

std::vector<std::size_t> windows_of(const Model& model) {
  std::vector<std::size_t> windows;
  for (const CacheShape& shape : model.cache_shapes()) windows.push_back(shape.window);
  return windows;
}

// As many positions as a model may say it was trained for: blocks and bytes of them fit in 64 bits.
constexpr std::size_t kContextMax = std::size_t{1} << 27;

std::size_t wanted_context(const Model& model, const EngineOptions& options) {
  if (options.context > kContextMax) {
    throw Error(ErrorCode::kInvalidArgument, "the context is " + std::to_string(options.context) +
                                                 " positions, must be at most " +
                                                 std::to_string(kContextMax));
  }
  return options.context != 0 ? options.context : model.config().trained_context;
}

// Of one block of every group.
std::size_t block_bytes(const Model& model, const Device& device) {
  std::size_t bytes = 0;
  for (const CacheShape& shape : model.cache_shapes()) bytes += device.cache_block_bytes(shape);
  return bytes;
}

// Positions that a sequence of many takes, usually: a conversation of some pages.
constexpr std::size_t kUsualPositions = 1024;

// Blocks of each group: enough for one sequence of `context` positions, or for all with
// kUsualPositions, and one to grow into; or what fits in options.cache_bytes.
std::size_t block_count(const Model& model, const Device& device, std::size_t context,
                        const EngineOptions& options) {
  const std::size_t cache_bytes = options.cache_bytes;
  const std::size_t positions =
      std::max(context, options.sequences * std::min(context, kUsualPositions));
  const std::size_t wanted = (positions + kBlockPositions - 1) / kBlockPositions + 1;
  if (cache_bytes == 0) return wanted;
  const std::size_t bytes_per_block = block_bytes(model, device);
  const std::size_t blocks = cache_bytes / bytes_per_block;
  if (blocks >= 2) return std::min(blocks, wanted);
  throw ShortageError(ShortageError::Of::kMemory,
                      "the cache needs at least " + std::to_string(2 * bytes_per_block >> 10) +
                          " KiB, and may take " + std::to_string(cache_bytes >> 10) + " KiB");
}

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Engine::Engine(const Model& model, Device& device, const EngineOptions& options)
    : Engine(model, device, options,
             block_count(model, device, wanted_context(model, options), options)) {}

// A sequence alone always fits: its context is at most what the blocks hold.
Engine::Engine(const Model& model, Device& device, const EngineOptions& options, std::size_t blocks)
    : model_(model),
      isa_(device.isa()),
      context_(std::min(wanted_context(model, options), blocks * kBlockPositions)),
      cache_bytes_(blocks * block_bytes(model, device)),
      clock_(options.clock ? options.clock : seconds),
      scheduler_({.windows = windows_of(model),
                  .blocks = blocks,
                  .rows_per_step = options.rows_per_step,
                  .sequences_max = options.sequences != 0 ? options.sequences : SIZE_MAX}),
      runner_(model, device, blocks, options.rows_per_step) {}

SequenceId Engine::submit(Request request) {
  validate(request.sampling);
  if (request.prompt.empty()) throw Error(ErrorCode::kInvalidArgument, "the prompt has no tokens");
  const std::size_t vocabulary = model_.config().vocabulary;
  for (const TokenId id : request.prompt) {
    if (static_cast<std::size_t>(id) < vocabulary) continue;
    throw Error(ErrorCode::kInvalidArgument, "the prompt has the token id " + std::to_string(id) +
                                                 "; the model knows 0 to " +
                                                 std::to_string(vocabulary - 1));
  }
  for (const auto& [id, bias] : request.sampling.logit_bias) {
    if (static_cast<std::size_t>(id) < vocabulary) continue;
    throw Error(ErrorCode::kInvalidArgument, "logit_bias names token " + std::to_string(id) +
                                                 "; the model knows 0 to " +
                                                 std::to_string(vocabulary - 1));
  }
  const std::size_t answer = std::min<std::size_t>(request.max_tokens, 1);
  if (request.prompt.size() + answer > context_) {
    throw ContextError("the prompt has " + std::to_string(request.prompt.size()) +
                       " tokens and the context holds " + std::to_string(context_) +
                       ", the answer included; shorten the prompt or raise --ctx");
  }
  const SequenceId id = next_id_++;
  const std::size_t groups = model_.cache_shapes().size();
  scheduler_.submit(std::make_unique<Sequence>(id, std::move(request), groups, isa_));
  return id;
}

bool Engine::step() {
  drop_cancelled();
  const double start = clock_();
  const std::size_t answers = scheduler_.answering();
  const std::size_t readers = scheduler_.running().size() - answers;
  const std::span<const Chunk> chunks =
      scheduler_.plan({.usual = cost_.prompt_rows(answers, readers),
                       .overdue = cost_.prompt_rows(answers, readers, true)});
  if (chunks.empty()) return false;
  std::size_t rows = 0, answered = 0;
  for (const Chunk& chunk : chunks) {
    rows += chunk.rows;
    answered += Scheduler::decodes(*chunk.sequence);
  }
  try {
    run(chunks);
  } catch (...) {
    fail_all(chunks);
    return true;
  }
  counters_.rows += rows;
  deliver_all(chunks);
  cost_.took(answered, rows - answered, clock_() - start);
  return true;
}

// The device's part of a step.
void Engine::run(std::span<const Chunk> chunks) {
  const double start = clock_();
  runner_.run(chunks);
  ++counters_.steps;
  counters_.busy_seconds += clock_() - start;
}

void Engine::deliver_all(std::span<const Chunk> chunks) {
  std::size_t next_logits = 0, next_hidden = 0;
  for (const Chunk& chunk : chunks) {
    // Counted before anything is called back: what throws there must not shift those that follow.
    std::size_t logits = 0, hidden = 0;
    for (std::size_t row = 0; row < chunk.rows; ++row) {
      logits += Runner::wants_logits(chunk, row);
      hidden += Runner::wants_hidden(chunk, row);
    }
    const std::size_t prompt = chunk.sequence->prompt_tokens;
    counters_.prompt_rows += std::min(chunk.rows, prompt - std::min(prompt, chunk.first));
    scheduler_.computed(chunk);
    const SequenceId id = chunk.sequence->id;
    try {
      deliver(chunk, next_logits, next_hidden);
    } catch (...) {
      fail(id);
    }
    next_logits += logits;
    next_hidden += hidden;
  }
}

// While an exception is being handled: drops the sequence, and tells its request or passes on.
void Engine::fail(SequenceId id) {
  Sequence* const sequence = scheduler_.find(id);
  const auto on_error = sequence ? std::move(sequence->request.on_error) : nullptr;
  scheduler_.finish(id);
  if (!on_error) throw;
  try {
    throw;
  } catch (const Error& error) {
    on_error(error);
  } catch (const std::exception& error) {
    on_error(Error(ErrorCode::kInternal, error.what()));
  }
}

// Likewise, all of a step.
void Engine::fail_all(std::span<const Chunk> chunks) {
  std::exception_ptr unheard;
  for (const Chunk& chunk : chunks) {
    try {
      fail(chunk.sequence->id);
    } catch (...) {
      unheard = std::current_exception();
    }
  }
  if (unheard) std::rethrow_exception(unheard);
}

EngineLoad Engine::load() const {
  EngineLoad load{.running = scheduler_.running().size(),
                  .waiting = scheduler_.waiting().size(),
                  .places = scheduler_.sequences_max(),
                  .blocks = scheduler_.group(0).size(),
                  .blocks_in_use = 0,
                  .preemptions = scheduler_.preemptions(),
                  .wait_seconds = 0};
  for (std::size_t g = 0; g < model_.cache_shapes().size(); ++g) {
    const BlockManager& group = scheduler_.group(g);
    load.blocks_in_use = std::max(load.blocks_in_use, group.size() - group.available());
  }
  std::size_t prompts = 0;
  for (const auto* list : {&scheduler_.running(), &scheduler_.waiting()}) {
    for (const auto& sequence : *list) prompts += sequence->tokens.size() - sequence->computed;
  }
  load.wait_seconds = cost_.wait_seconds(prompts, load.waiting, load.running);
  return load;
}

void Engine::drop_cancelled() {
  std::vector<Sequence*> leaving;
  for (const auto* list : {&scheduler_.running(), &scheduler_.waiting()}) {
    for (const auto& sequence : *list) {
      const CancelToken* cancel = sequence->request.cancel;
      if (cancel != nullptr && cancel->cancelled()) leaving.push_back(sequence.get());
    }
  }
  for (Sequence* sequence : leaving) finish(*sequence, FinishReason::kCancelled);
}

void Engine::deliver(const Chunk& chunk, std::size_t next_logits, std::size_t next_hidden) {
  Sequence& sequence = *chunk.sequence;
  if (const auto on_cached = std::exchange(sequence.request.on_cached, nullptr)) {
    on_cached(*sequence.cached);
  }
  for (std::size_t row = 0; row < chunk.rows; ++row) {
    if (!Runner::wants_hidden(chunk, row)) continue;
    const std::size_t position = chunk.first + row;
    sequence.reported = position + 1;
    sequence.request.on_hidden(position, runner_.hidden(next_hidden++));
  }
  if (sequence.request.on_prompt && chunk.first < sequence.prompt_tokens) {
    sequence.request.on_prompt(std::min(sequence.computed, sequence.prompt_tokens));
  }
  for (std::size_t row = 0; row < chunk.rows; ++row) {
    if (!Runner::wants_logits(chunk, row)) continue;
    const std::span<const float> logits = runner_.logits(next_logits++);
    const std::size_t position = chunk.first + row;
    if (sequence.request.on_logits) {
      sequence.reported = position + 1;
      sequence.request.on_logits(position, logits);
    }
    const bool last = chunk.first + row + 1 == sequence.tokens.size();
    if (last && sequence.request.max_tokens > 0) return accept_token(sequence, logits);
  }
  if (sequence.computed == sequence.tokens.size()) finish(sequence, FinishReason::kLength);
}

void Engine::accept_token(Sequence& sequence, std::span<const float> logits) {
  const TokenId token = sequence.sampler.sample(logits, sequence.tokens);
  sequence.tokens.push_back(token);
  ++counters_.answer_tokens;
  if (sequence.request.on_logprobs) {
    sequence.request.on_logprobs(token_logprobs(logits, token, sequence.request.top_logprobs));
  }
  const bool goes_on = !sequence.request.on_token || sequence.request.on_token(token);
  if (!goes_on) return finish(sequence, FinishReason::kStop);
  const bool full =
      sequence.generated() >= sequence.request.max_tokens || sequence.tokens.size() >= context_;
  if (full) finish(sequence, FinishReason::kLength);
}

void Engine::finish(Sequence& sequence, FinishReason reason) {
  counters_.cached_rows += sequence.cached.value_or(0);
  const auto on_finish = std::move(sequence.request.on_finish);
  scheduler_.finish(sequence.id);
  if (on_finish) on_finish(reason);
}

}  // namespace hearth
