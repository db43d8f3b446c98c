#include "engine/engine.h"

#include <algorithm>
#include <string>

#include "base/error.h"

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

// Blocks of each group: enough for one sequence of `context` positions and one to grow into, or
// what fits in options.cache_bytes.
std::size_t block_count(const Model& model, const Device& device, std::size_t context,
                        std::size_t cache_bytes) {
  const std::size_t wanted = (context + kBlockPositions - 1) / kBlockPositions + 1;
  if (cache_bytes == 0) return wanted;
  std::size_t bytes_per_block = 0;
  for (const CacheShape& shape : model.cache_shapes())
    bytes_per_block += device.cache_block_bytes(shape);
  const std::size_t blocks = cache_bytes / bytes_per_block;
  if (blocks >= 2) return std::min(blocks, wanted);
  throw Error(ErrorCode::kResourceExhausted,
              "the cache needs at least " + std::to_string(2 * bytes_per_block >> 10) +
                  " KiB, and may take " + std::to_string(cache_bytes >> 10) + " KiB");
}

}  // namespace

Engine::Engine(const Model& model, Device& device, const EngineOptions& options)
    : Engine(model, device, options,
             block_count(model, device, wanted_context(model, options), options.cache_bytes)) {}

// A sequence alone always fits: its context is at most what the blocks hold.
Engine::Engine(const Model& model, Device& device, const EngineOptions& options, std::size_t blocks)
    : model_(model),
      isa_(device.isa()),
      context_(std::min(wanted_context(model, options), blocks * kBlockPositions)),
      scheduler_(windows_of(model), blocks, options.rows_per_step),
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
    throw Error(ErrorCode::kResourceExhausted,
                "the prompt has " + std::to_string(request.prompt.size()) +
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
  const std::span<const Chunk> chunks = scheduler_.plan();
  if (chunks.empty()) return false;
  try {
    runner_.run(chunks);
  } catch (...) {
    for (const Chunk& chunk : chunks) scheduler_.finish(chunk.sequence->id);
    throw;
  }
  ++counters_.steps;
  std::size_t next_logits = 0;
  for (const Chunk& chunk : chunks) {
    counters_.rows += chunk.rows;
    scheduler_.computed(chunk);
    const SequenceId id = chunk.sequence->id;
    try {
      deliver(chunk, next_logits);
    } catch (...) {
      scheduler_.finish(id);
      throw;
    }
  }
  return true;
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

void Engine::deliver(const Chunk& chunk, std::size_t& next_logits) {
  Sequence& sequence = *chunk.sequence;
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
