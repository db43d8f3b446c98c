// Engine: one target model, its caches, one scheduler. The caller owns the thread: submit(), then
// step() until idle().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "engine/runner.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "engine/step_cost.h"

namespace hearth {

struct EngineOptions {
  std::size_t context = 0;  // positions a sequence may reach; 0: as the model was trained
  std::size_t cache_bytes =
      0;  // memory the caches may take; 0: as much as one sequence needs, or many usual ones
  std::size_t rows_per_step = 512;  // prompt tokens and decode rows of one pass over the weights
  // Running at a time, with a cache for so many usual ones; 0: any number that fits in the cache of
  // one.
  std::size_t sequences = 0;
  std::function<double()> clock = {};  // seconds, never backwards; empty: the system's
};

// What the engine has done since it was made.
struct EngineCounters {
  std::uint64_t steps = 0;
  std::uint64_t rows = 0;
  std::uint64_t prompt_rows = 0;  // of them, of prompts
  std::uint64_t cached_rows = 0;  // found in the cache instead of computed
  std::uint64_t answer_tokens = 0;
  double busy_seconds = 0;  // in steps
};

// The engine at this moment.
struct EngineLoad {
  std::size_t running = 0, waiting = 0;       // sequences
  std::size_t places = 0;                     // that may run at a time
  std::size_t blocks = 0, blocks_in_use = 0;  // of the cache group with the fewest free
  std::uint64_t preemptions = 0;
  double wait_seconds = 0;  // predicted, for who comes now
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
  // others go on with the next step. A request with on_error is told instead; what is no Error, as
  // kInternal.
  bool step();
  // Steps until there is nothing left to do.
  void run() {
    while (step()) {
    }
  }
  bool idle() const noexcept { return scheduler_.idle(); }

  std::size_t context() const noexcept { return context_; }
  std::uint64_t cache_bytes() const noexcept { return cache_bytes_; }  // when all of it is in use
  const EngineCounters& counters() const noexcept { return counters_; }
  EngineLoad load() const;

 private:
  Engine(const Model& model, Device& device, const EngineOptions& options, std::size_t blocks);
  void drop_cancelled();
  void run(std::span<const Chunk> chunks);
  void deliver_all(std::span<const Chunk> chunks);
  void deliver(const Chunk& chunk, std::size_t next_logits, std::size_t next_hidden);
  void fail(SequenceId id);
  void fail_all(std::span<const Chunk> chunks);
  void accept_token(Sequence& sequence, std::span<const float> logits);
  void finish(Sequence& sequence, FinishReason reason);

  const Model& model_;
  Isa isa_;
  std::size_t context_;
  std::uint64_t cache_bytes_;
  std::function<double()> clock_;
  Scheduler scheduler_;
  Runner runner_;
  StepCost cost_;
  SequenceId next_id_ = 1;
  EngineCounters counters_;
};

}  // namespace hearth
