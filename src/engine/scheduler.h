// Scheduler: which rows the next step computes. A pure state machine over sequences and blocks: no
// device, no clock, no thread. A step mixes decode rows with chunks of prefill under a budget of
// rows; a sequence is admitted when what it needs fits beside what the running ones are promised;
// when blocks run out the youngest is preempted and computed again later.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "engine/block_manager.h"
#include "engine/sequence.h"

namespace hearth {

// Rows [first, first + rows) of a sequence's tokens, in this step.
struct Chunk {
  Sequence* sequence;
  std::size_t first;
  std::size_t rows;
};

class Scheduler {
 public:
  // windows: of each cache group, 0 for none. blocks: of each cache group.
  Scheduler(std::vector<std::size_t> windows, std::size_t blocks, std::size_t rows_per_step);

  // kResourceExhausted when it could not fit even alone.
  void submit(std::unique_ptr<Sequence> sequence);
  // The next step's rows, their blocks allocated; empty when there is nothing to do. Valid until
  // the next plan().
  std::span<const Chunk> plan();
  // The rows of `chunk` are in the cache: publishes full blocks, frees what a window has passed.
  void computed(const Chunk& chunk);
  // Gives the sequence's blocks back and forgets it; what was published stays findable.
  void finish(SequenceId id);

  bool idle() const noexcept { return running_.empty() && waiting_.empty(); }
  const std::deque<std::unique_ptr<Sequence>>& running() const noexcept { return running_; }
  const std::deque<std::unique_ptr<Sequence>>& waiting() const noexcept { return waiting_; }
  const BlockManager& group(std::size_t index) const noexcept { return groups_[index]; }

 private:
  void admit();
  void reuse_prefix(Sequence& sequence);
  bool found_where_all_is_seen(const BlockHash& hash) const;
  bool usable(const std::vector<BlockHash>& chain) const;
  bool grow(Sequence& sequence, std::size_t positions);
  bool make_room(Sequence& sequence, std::size_t positions);
  void release_blocks(Sequence& sequence);
  std::size_t first_live_block(std::size_t group, std::size_t position) const noexcept;
  BlockHash block_hash(const Sequence& sequence, std::size_t block) const;

  std::vector<std::size_t> windows_;
  std::vector<BlockManager> groups_;
  std::size_t rows_per_step_;
  std::deque<std::unique_ptr<Sequence>> running_;  // oldest first
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::vector<Chunk> chunks_;  // of the last plan
};

}  // namespace hearth
