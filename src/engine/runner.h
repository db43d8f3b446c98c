// Runner: executes planned chunks: a Model on a Device with its caches and workspace. One Stage,
// today.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engine/scheduler.h"
#include "models/model.h"

namespace hearth {

class Runner {
 public:
  Runner(const Model& model, Device& device, std::size_t blocks, std::size_t rows_per_step);

  // Computes the chunks' rows. Rows that want logits: the last of a chunk that reaches its
  // sequence's end, and those that a request's on_logits has not had. Afterwards logits(i) is the
  // i-th of those, in the chunks' order.
  void run(std::span<const Chunk> chunks);
  std::span<const float> logits(std::size_t index) const;
  // Likewise, of the rows whose state their request's on_hidden has not had.
  std::span<const float> hidden(std::size_t index) const;

  // Whether row `row` of the chunk wants logits, or its hidden state.
  static bool wants_logits(const Chunk& chunk, std::size_t row) noexcept;
  static bool wants_hidden(const Chunk& chunk, std::size_t row) noexcept;

 private:
  const Model& model_;
  Device& device_;
  Workspace workspace_;
  std::vector<std::unique_ptr<CacheGroup>> caches_;
  // The step's input, kept so that nothing is allocated per step.
  std::vector<TokenId> tokens_;
  std::vector<SequenceRows> sequences_;
  std::vector<std::size_t> logit_rows_;
  std::vector<std::size_t> hidden_rows_;
};

}  // namespace hearth
