// Engine: one target model, its caches, one scheduler. The caller owns the thread: submit(), then
// step() until idle().
#pragma once

#include <cstddef>
#include <memory>

#include "engine/runner.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"

namespace hearth {

struct EngineOptions {
  std::size_t context = 0;  // positions a sequence may reach; 0: as the model was trained
  std::size_t cache_bytes =
      0;  // memory the caches may take; 0: as much as `context` needs for one sequence
  std::size_t rows_per_step = 512;  // prompt tokens and decode rows of one pass over the weights
};

// What the engine has done since it was made.
struct EngineCounters {
  std::uint64_t steps = 0;
  std::uint64_t rows = 0;
  std::uint64_t cached_rows = 0;  // found in the cache instead of computed
};

class Engine {
 public:
  // model and device outlive the engine. kResourceExhausted when not even two blocks
  // fit, kInvalidArgument for a context beyond 2^27.
  Engine(const Model& model, Device& device, const EngineOptions& options);

  // Errors: kInvalidArgument for an empty prompt, token ids (of a bias, too) outside the vocabulary
  // or bad sampling options; kResourceExhausted, with both numbers, when the prompt leaves no room
  // to answer.
  SequenceId submit(Request request);
  // Computes one step and calls the requests back (they may submit). False when there was nothing
  // to do. What a callback or a request's sampling throws comes out of here, and that request is
  // dropped, its on_finish not called; what the device throws drops all requests of the step. The
  // others go on with the next step.
  bool step();
  // Steps until there is nothing left to do.
  void run() {
    while (step()) {
    }
  }
  bool idle() const noexcept { return scheduler_.idle(); }

  std::size_t context() const noexcept { return context_; }
  const EngineCounters& counters() const noexcept { return counters_; }

 private:
  Engine(const Model& model, Device& device, const EngineOptions& options, std::size_t blocks);
  void drop_cancelled();
  void deliver(const Chunk& chunk, std::size_t& next_logits);
  void accept_token(Sequence& sequence, std::span<const float> logits);
  void finish(Sequence& sequence, FinishReason reason);

  const Model& model_;
  Isa isa_;
  std::size_t context_;
  Scheduler scheduler_;
  Runner runner_;
  SequenceId next_id_ = 1;
  EngineCounters counters_;
};

}  // namespace hearth
