#include "engine/runner.h"

namespace hearth {

Runner::Runner(const Model& model, Device& device, std::size_t blocks, std::size_t rows_per_step)
    : model_(model),
      device_(device),
      workspace_(device, model.workspace_shape(), rows_per_step, rows_per_step) {
  for (const CacheShape& shape : model.cache_shapes())
    caches_.push_back(device.make_cache(shape, blocks));
}

bool Runner::wants_logits(const Chunk& chunk, std::size_t row) noexcept {
  const Sequence& sequence = *chunk.sequence;
  const std::size_t position = chunk.first + row;
  if (sequence.request.on_logits && position >= sequence.reported) return true;
  return sequence.request.max_tokens > 0 && position + 1 == sequence.tokens.size();
}

bool Runner::wants_hidden(const Chunk& chunk, std::size_t row) noexcept {
  const Sequence& sequence = *chunk.sequence;
  return sequence.request.on_hidden && chunk.first + row >= sequence.reported;
}

void Runner::run(std::span<const Chunk> chunks) {
  tokens_.clear();
  logit_rows_.clear();
  hidden_rows_.clear();
  sequences_.resize(chunks.size());
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const Chunk& chunk = chunks[i];
    sequences_[i].first_row = tokens_.size();
    sequences_[i].rows = chunk.rows;
    sequences_[i].first_position = chunk.first;
    sequences_[i].tables.assign(chunk.sequence->blocks.begin(), chunk.sequence->blocks.end());
    for (std::size_t row = 0; row < chunk.rows; ++row) {
      if (wants_logits(chunk, row)) logit_rows_.push_back(tokens_.size());
      if (wants_hidden(chunk, row)) hidden_rows_.push_back(tokens_.size());
      tokens_.push_back(chunk.sequence->tokens[chunk.first + row]);
    }
  }
  device_.begin({.tokens = tokens_, .sequences = sequences_});
  Forward forward{device_, workspace_, caches_, logit_rows_, hidden_rows_};
  model_.forward(forward);
  device_.finish();
}

std::span<const float> Runner::logits(std::size_t index) const {
  return device_.read(*workspace_.logits, index);
}

std::span<const float> Runner::hidden(std::size_t index) const {
  return device_.read(*workspace_.normed, index);
}

}  // namespace hearth
