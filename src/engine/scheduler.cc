#include "engine/scheduler.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/error.h"

namespace hearth {
namespace {

std::size_t blocks_for(std::size_t positions) noexcept {
  return (positions + kBlockPositions - 1) / kBlockPositions;
}

}  // namespace

Scheduler::Scheduler(std::vector<std::size_t> windows, std::size_t blocks,
                     std::size_t rows_per_step)
    : windows_(std::move(windows)), rows_per_step_(rows_per_step) {
  CHECK(rows_per_step_ >= 1);
  for (std::size_t i = 0; i < windows_.size(); ++i) groups_.emplace_back(blocks);
}

void Scheduler::submit(std::unique_ptr<Sequence> sequence) {
  const std::size_t room = groups_.front().size() * kBlockPositions;
  const std::size_t needed = sequence->needed_positions();
  if (needed > room) {
    throw Error(ErrorCode::kResourceExhausted,
                "the prompt has " + std::to_string(sequence->tokens.size()) +
                    " tokens; the cache has room for " +
                    std::to_string(room - (needed - sequence->tokens.size())));
  }
  waiting_.push_back(std::move(sequence));
}

std::span<const Chunk> Scheduler::plan() {
  admit();
  chunks_.clear();
  std::size_t budget = rows_per_step_;
  // Decode rows first: those who are answering must not wait for those who are still reading.
  for (const bool decode : {true, false}) {
    for (std::size_t i = 0; i < running_.size() && budget > 0; ++i) {
      Sequence& sequence = *running_[i];
      const std::size_t left = sequence.tokens.size() - sequence.computed;
      if ((left == 1) != decode) continue;
      const std::size_t rows = std::min(left, budget);
      if (!make_room(sequence, sequence.computed + rows)) continue;
      chunks_.push_back({&sequence, sequence.computed, rows});
      budget -= rows;
    }
  }
  // A sequence preempted after it was planned is no longer running.
  std::erase_if(chunks_, [this](const Chunk& chunk) {
    return std::none_of(running_.begin(), running_.end(),
                        [&](const auto& running) { return running.get() == chunk.sequence; });
  });
  return chunks_;
}

void Scheduler::admit() {
  // What the running still have to allocate is not free for others: to admit on it would mean
  // preempting again what is admitted now.
  std::vector<std::size_t> promised(groups_.size(), 0);
  const auto promise = [&](const Sequence& sequence) {
    const std::size_t wanted = blocks_for(sequence.needed_positions());
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      promised[g] += wanted - std::min(wanted, sequence.blocks[g].size());
    }
  };
  for (const auto& running : running_) promise(*running);
  while (!waiting_.empty()) {
    Sequence& sequence = *waiting_.front();
    const std::size_t needed = blocks_for(sequence.needed_positions());
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      if (groups_[g].available() < promised[g] + needed) return;
    }
    if (sequence.request.reuse_prefix) reuse_prefix(sequence);
    if (!sequence.cached) sequence.cached = sequence.computed;
    promise(sequence);
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

// Takes the longest chain of published blocks that makes the sequence's beginning, if each group
// still has what its window needs there. One token at least is left to compute: its logits are
// wanted.
void Scheduler::reuse_prefix(Sequence& sequence) {
  const std::size_t full = (sequence.tokens.size() - 1) / kBlockPositions;
  while (sequence.hashes.size() < full) {
    const BlockHash hash = block_hash(sequence, sequence.hashes.size());
    if (!found_where_all_is_seen(hash)) break;
    sequence.hashes.push_back(hash);
  }
  while (!sequence.hashes.empty() && !usable(sequence.hashes)) sequence.hashes.pop_back();
  const std::size_t boundary = sequence.hashes.size();
  sequence.computed = boundary * kBlockPositions;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    sequence.released[g] = first_live_block(g, sequence.computed);
    sequence.blocks[g].assign(sequence.released[g], 0);
    for (std::size_t b = sequence.released[g]; b < boundary; ++b) {
      const BlockId id = *groups_[g].find(sequence.hashes[b]);
      groups_[g].retain(id);
      sequence.blocks[g].push_back(id);
    }
  }
}

// Whether each group without a window has the block: a chain ends where one lacks it.
bool Scheduler::found_where_all_is_seen(const BlockHash& hash) const {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (windows_[g] == 0 && !groups_[g].find(hash)) return false;
  }
  return true;
}

// Whether each window group has what a row right behind the chain still reads.
bool Scheduler::usable(const std::vector<BlockHash>& chain) const {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (windows_[g] == 0) continue;
    for (std::size_t b = first_live_block(g, chain.size() * kBlockPositions); b < chain.size();
         ++b) {
      if (!groups_[g].find(chain[b])) return false;
    }
  }
  return true;
}

// The first block that a row at `position` or later may still read.
std::size_t Scheduler::first_live_block(std::size_t group, std::size_t position) const noexcept {
  const std::size_t window = windows_[group];
  if (window == 0 || position < window) return 0;
  return (position - window + 1) / kBlockPositions;
}

bool Scheduler::grow(Sequence& sequence, std::size_t positions) {
  const std::size_t wanted = blocks_for(positions);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    while (sequence.blocks[g].size() < wanted) {
      const auto id = groups_[g].allocate();
      if (!id) return false;
      sequence.blocks[g].push_back(*id);
    }
  }
  return true;
}

// Preempts the youngest until the sequence has its blocks; false when it was the youngest itself.
bool Scheduler::make_room(Sequence& sequence, std::size_t positions) {
  while (!grow(sequence, positions)) {
    std::unique_ptr<Sequence> youngest = std::move(running_.back());
    running_.pop_back();
    release_blocks(*youngest);
    const bool self = youngest.get() == &sequence;
    waiting_.push_front(std::move(youngest));
    if (self) return false;
  }
  return true;
}

// The last block first: of a chain that is worth nothing without its beginning, the end is evicted
// first.
void Scheduler::release_blocks(Sequence& sequence) {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (std::size_t b = sequence.blocks[g].size(); b > sequence.released[g]; --b) {
      groups_[g].release(sequence.blocks[g][b - 1]);
    }
    sequence.blocks[g].clear();
    sequence.released[g] = 0;
  }
  sequence.computed = 0;
  sequence.hashes.clear();
}

void Scheduler::computed(const Chunk& chunk) {
  Sequence& sequence = *chunk.sequence;
  sequence.computed = chunk.first + chunk.rows;
  while ((sequence.hashes.size() + 1) * kBlockPositions <= sequence.computed) {
    const std::size_t block = sequence.hashes.size();
    const BlockHash hash = block_hash(sequence, block);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      if (block >= sequence.released[g]) groups_[g].publish(sequence.blocks[g][block], hash);
    }
    sequence.hashes.push_back(hash);
  }
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const std::size_t live = first_live_block(g, sequence.computed);
    for (; sequence.released[g] < live; ++sequence.released[g]) {
      groups_[g].release(sequence.blocks[g][sequence.released[g]]);
    }
  }
}

void Scheduler::finish(SequenceId id) {
  const auto has_id = [id](const auto& sequence) { return sequence->id == id; };
  const auto running = std::find_if(running_.begin(), running_.end(), has_id);
  if (running != running_.end()) {
    release_blocks(**running);
    running_.erase(running);
    return;
  }
  std::erase_if(waiting_, has_id);
}

// Of the chain: the hash of block n covers all tokens before it.
BlockHash Scheduler::block_hash(const Sequence& sequence, std::size_t block) const {
  Sha256 hash;
  if (block > 0) hash.update(sequence.hashes[block - 1]);
  hash.update(
      std::as_bytes(std::span(sequence.tokens).subspan(block * kBlockPositions, kBlockPositions)));
  return hash.finish();
}

}  // namespace hearth
