// Scheduler: which rows the next step computes. A pure state machine over sequences and blocks: no
// device, no clock, no thread. A step mixes decode rows with chunks of prefill under a budget of
// rows; a sequence is admitted when what it needs fits beside what the running ones are promised;
// when blocks run out the youngest is preempted and computed again later.
//
// Tenants take turns by the tokens they were served (Sheng et al. 2024, "Fairness in Serving Large
// Language Models"): whoever had least is admitted and read first; who comes, or comes back, starts
// level with the least served of those who are here. A tenant that holds more than its part of the
// cache, and was served more, gives way to one that needs no more than its own; what it computes
// again for that counts as served once.
//
// A priority is a weight of that count: a token of a high tenant's counts 1, of a normal one's 4,
// of a low one's 16. Of tenants that always ask, each class so gets four times the tokens of the
// next; and none starves, for the count of those who are served comes to pass that of who waits.
// Ties go to the higher priority. Parts of the cache are weighted alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
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

// Of prompts, in a step that also answers, at most: of all, and where those of tenants come first
// that have no answers beside another's.
struct PromptRows {
  std::size_t usual = SIZE_MAX, overdue = SIZE_MAX;
};

struct SchedulerOptions {
  std::vector<std::size_t> windows;      // of each cache group, 0 for none
  std::size_t blocks = 0;                // of each cache group
  std::size_t rows_per_step = 0;         // at most, decode rows and prompts together
  std::size_t sequences_max = SIZE_MAX;  // running at a time
};

class Scheduler {
 public:
  explicit Scheduler(SchedulerOptions options);

  // kResourceExhausted when it could not fit even alone.
  void submit(std::unique_ptr<Sequence> sequence);
  // The next step's rows, their blocks allocated; empty when there is nothing to do. Valid until
  // the next plan().
  std::span<const Chunk> plan(const PromptRows& most = {});
  // The rows of `chunk` are in the cache: publishes full blocks, frees what a window has passed.
  void computed(const Chunk& chunk);
  // Gives the sequence's blocks back and forgets it; what was published stays findable.
  void finish(SequenceId id);

  // Running or waiting; nullptr when it is neither.
  Sequence* find(SequenceId id);

  // Whether one row is left to compute, that of its last token.
  static bool decodes(const Sequence& sequence) noexcept {
    return sequence.tokens.size() - sequence.computed == 1;
  }
  std::size_t answering() const;  // sequences that do

  bool idle() const noexcept { return running_.empty() && waiting_.empty(); }
  // By age, the oldest first.
  const std::deque<std::unique_ptr<Sequence>>& running() const noexcept { return running_; }
  const std::deque<std::unique_ptr<Sequence>>& waiting() const noexcept { return waiting_; }
  const BlockManager& group(std::size_t index) const noexcept { return groups_[index]; }
  std::size_t sequences_max() const noexcept { return options_.sequences_max; }
  std::uint64_t preemptions() const noexcept { return preemptions_; }

 private:
  using Sequences = std::deque<std::unique_ptr<Sequence>>;
  struct Tenant {
    std::uint64_t served = 0;   // a token of a prompt counts 1, of an answer 2; times its weight
    std::size_t sequences = 0;  // running and waiting
    Priority priority = Priority::kNormal;
  };

  void admit();
  bool fits(Sequence& sequence);
  bool waits_for_equal_blocks(Sequence& sequence);
  bool make_way(Sequence& sequence);
  std::vector<Sequence*>::iterator overdue_first(std::vector<Sequence*>::iterator prompts);
  bool runs(const Sequence& sequence) const;
  Sequence* youngest_beyond_its_part(const std::string& asking);
  struct Part {
    std::size_t blocks = 0, places = 0;
  };
  Part held_by(const std::string& tenant) const;
  Part part_of(const std::string& tenant) const;
  bool before(const Sequence& a, const Sequence& b) const;
  void preempt(Sequence& sequence);
  std::size_t reusable_blocks(Sequence& sequence);
  void reuse_prefix(Sequence& sequence);
  bool found_where_all_is_seen(const BlockHash& hash) const;
  bool usable(std::span<const BlockHash> chain) const;
  bool grow(Sequence& sequence, std::size_t positions);
  bool make_room(Sequence& sequence, std::size_t positions);
  void release_blocks(Sequence& sequence);
  void forget(const std::string& tenant);
  std::size_t first_live_block(std::size_t group, std::size_t position) const noexcept;
  static const BlockHash& block_hash(Sequence& sequence, std::size_t block);
  static void insert_by_age(Sequences& list, std::unique_ptr<Sequence> sequence);

  SchedulerOptions options_;
  std::vector<BlockManager> groups_;
  Sequences running_, waiting_;
  std::map<std::string, Tenant> tenants_;  // those who are here, and who may come back
  std::vector<Chunk> chunks_;              // of the last plan
  std::vector<Sequence*> order_;           // scratch
  std::uint64_t preemptions_ = 0;
};

}  // namespace hearth
