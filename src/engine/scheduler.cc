#include "engine/scheduler.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/error.h"

namespace hearth {
namespace {

constexpr std::uint64_t kAnswerWeight = 2;  // a token of an answer costs a step of its own

// So many more than others a tenant may be served while its first prompt is read: one of a page.
constexpr std::uint64_t kOverdueTokens = 512;

// What a token counts, of a tenant of that priority: each class gets four times as many as the
// next.
std::uint64_t weight_of(Priority priority) noexcept {
  switch (priority) {
    case Priority::kHigh: return 1;
    case Priority::kNormal: return 4;
    case Priority::kLow: break;
  }
  return 16;
}

std::size_t blocks_for(std::size_t positions) noexcept {
  return (positions + kBlockPositions - 1) / kBlockPositions;
}

// One token at least is left to compute: its logits are wanted.
std::size_t full_blocks(const Sequence& sequence) noexcept {
  return (sequence.tokens.size() - 1) / kBlockPositions;
}

}  // namespace

Scheduler::Scheduler(SchedulerOptions options) : options_(std::move(options)) {
  CHECK(options_.rows_per_step >= 1 && options_.sequences_max >= 1);
  for (std::size_t i = 0; i < options_.windows.size(); ++i) groups_.emplace_back(options_.blocks);
}

void Scheduler::submit(std::unique_ptr<Sequence> sequence) {
  const std::size_t room = options_.blocks * kBlockPositions;
  const std::size_t needed = sequence->needed_positions();
  if (needed > room) {
    throw Error(ErrorCode::kResourceExhausted,
                "the prompt has " + std::to_string(sequence->tokens.size()) +
                    " tokens; the cache has room for " +
                    std::to_string(room - (needed - sequence->tokens.size())));
  }
  Tenant& tenant = tenants_[sequence->request.tenant];
  if (tenant.sequences == 0) {
    std::uint64_t least = UINT64_MAX;
    for (const auto& [name, other] : tenants_) {
      if (other.sequences > 0) least = std::min(least, other.served);
    }
    if (least != UINT64_MAX) tenant.served = std::max(tenant.served, least);
  }
  ++tenant.sequences;
  tenant.priority = sequence->request.priority;
  waiting_.push_back(std::move(sequence));
}

std::span<const Chunk> Scheduler::plan(const PromptRows& most) {
  admit();
  chunks_.clear();
  order_.clear();
  for (const auto& running : running_) order_.push_back(running.get());
  // Decode rows first: those who are answering must not wait for those who are still reading.
  std::stable_partition(order_.begin(), order_.end(), [](auto* s) { return decodes(*s); });
  const auto prompts =
      std::find_if(order_.begin(), order_.end(), [](auto* s) { return !decodes(*s); });
  const auto usual = overdue_first(prompts);
  bool mixed = false;  // of prompts beside answers
  std::size_t budget = options_.rows_per_step, prompt_rows = 0;
  for (auto at = order_.begin(); at != order_.end() && budget > 0; ++at) {
    Sequence& sequence = **at;
    std::size_t rows = std::min(sequence.tokens.size() - sequence.computed, budget);
    if (at == prompts) mixed = !chunks_.empty();
    if (mixed) {
      const std::size_t limit = at < usual ? most.overdue : most.usual;
      rows = std::min(rows, limit - std::min(limit, prompt_rows));
    }
    if (rows == 0 || !runs(sequence)) continue;  // preempted by one before it
    if (!make_room(sequence, sequence.computed + rows)) continue;
    chunks_.push_back({&sequence, sequence.computed, rows});
    budget -= rows;
    if (at >= prompts) prompt_rows += rows;
  }
  // Or by one after it.
  std::erase_if(chunks_, [this](const Chunk& chunk) { return !runs(*chunk.sequence); });
  return chunks_;
}

// Puts the prompts, order_ from there on, in the order of their turns, those first whose tenants
// have no answers beside others' and were served hardly more than those: one request of a tenant
// should not feel how many another has. Returns where the others begin.
std::vector<Sequence*>::iterator Scheduler::overdue_first(
    std::vector<Sequence*>::iterator prompts) {
  if (prompts == order_.end()) return prompts;
  std::set<std::string_view> answered;
  std::uint64_t least = UINT64_MAX;
  for (auto at = order_.begin(); at != prompts; ++at) {
    const std::string& tenant = (*at)->request.tenant;
    answered.insert(tenant);
    least = std::min(least, tenants_.at(tenant).served);
  }
  const auto overdue = [&](const Sequence* sequence) {
    const Tenant& tenant = tenants_.at(sequence->request.tenant);
    return !answered.empty() && !answered.contains(sequence->request.tenant) &&
           tenant.served <= least + weight_of(tenant.priority) * kOverdueTokens;
  };
  const auto usual = std::partition(prompts, order_.end(), overdue);
  const auto in_turn = [this](auto* a, auto* b) { return before(*a, *b); };
  std::sort(prompts, usual, in_turn);
  std::sort(usual, order_.end(), in_turn);
  return usual;
}

bool Scheduler::runs(const Sequence& sequence) const {
  return std::any_of(running_.begin(), running_.end(),
                     [&](const auto& running) { return running.get() == &sequence; });
}

// Whose turn comes first: of the tenants the least served, of a tenant's the oldest.
bool Scheduler::before(const Sequence& a, const Sequence& b) const {
  const Tenant& of_a = tenants_.at(a.request.tenant);
  const Tenant& of_b = tenants_.at(b.request.tenant);
  if (of_a.served != of_b.served) return of_a.served < of_b.served;
  return of_a.priority != of_b.priority ? of_a.priority > of_b.priority : a.id < b.id;
}

// In turn, until one does not fit: who comes later does not overtake it.
void Scheduler::admit() {
  if (waiting_.empty()) return;
  std::vector<Sequence*> turns;
  for (const auto& waiting : waiting_) turns.push_back(waiting.get());
  std::sort(turns.begin(), turns.end(), [this](auto* a, auto* b) { return before(*a, *b); });
  for (Sequence* sequence : turns) {
    if (waits_for_equal_blocks(*sequence)) continue;
    if (!fits(*sequence) && !make_way(*sequence)) return;
    const auto at = std::find_if(waiting_.begin(), waiting_.end(),
                                 [&](const auto& waiting) { return waiting.get() == sequence; });
    if (sequence->request.reuse_prefix) reuse_prefix(*sequence);
    if (!sequence->cached) sequence->cached = sequence->computed;
    insert_by_age(running_, std::move(*at));
    waiting_.erase(at);
  }
}

void Scheduler::insert_by_age(Sequences& list, std::unique_ptr<Sequence> sequence) {
  const auto at = std::find_if(list.begin(), list.end(),
                               [&](const auto& other) { return other->id > sequence->id; });
  list.insert(at, std::move(sequence));
}

// What the running still have to allocate is not free for others: to admit on it would mean
// preempting again what is admitted now. Blocks that are found and in use cost nothing.
bool Scheduler::fits(Sequence& sequence) {
  if (running_.size() >= options_.sequences_max) return false;
  const std::size_t needed = blocks_for(sequence.needed_positions());
  const std::size_t found = sequence.request.reuse_prefix ? reusable_blocks(sequence) : 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    std::size_t wanted = needed;
    for (std::size_t b = first_live_block(g, found * kBlockPositions); b < found; ++b) {
      wanted -= groups_[g].users(*groups_[g].find(sequence.hashes[b])) > 0;
    }
    for (const auto& running : running_) {
      const std::size_t whole = blocks_for(running->needed_positions());
      wanted += whole - std::min(whole, running->blocks[g].size());
    }
    if (groups_[g].available() < wanted) return false;
  }
  return true;
}

// Whether a running sequence is about to fill the very block that this one lacks first: what n
// answers to one prompt, or many users of one system prompt, have in common is computed once.
bool Scheduler::waits_for_equal_blocks(Sequence& sequence) {
  if (!sequence.request.reuse_prefix) return false;
  std::size_t& block = sequence.lacking;
  // Where nothing has come since the last look, nothing is looked for again.
  if (block < full_blocks(sequence) && found_where_all_is_seen(block_hash(sequence, block)))
    block = reusable_blocks(sequence);
  if (block >= full_blocks(sequence)) return false;
  for (const auto& running : running_) {
    const bool fills = !decodes(*running) && running->published <= block &&
                       (block + 1) * kBlockPositions <= running->tokens.size();
    if (fills && running->request.tenant == sequence.request.tenant &&
        block_hash(*running, block) == block_hash(sequence, block)) {
      return true;
    }
  }
  return false;
}

// Of the cache and of the places, what is promised to the tenant's running sequences.
Scheduler::Part Scheduler::held_by(const std::string& tenant) const {
  Part held;
  for (const auto& running : running_) {
    if (running->request.tenant != tenant) continue;
    ++held.places;
    held.blocks +=
        std::max(running->blocks.front().size(), blocks_for(running->needed_positions()));
  }
  return held;
}

// What a tenant may have, by the weights of those who are here.
Scheduler::Part Scheduler::part_of(const std::string& tenant) const {
  double weights = 0;
  for (const auto& [name, other] : tenants_) {
    if (other.sequences > 0) weights += 1.0 / static_cast<double>(weight_of(other.priority));
  }
  weights *= static_cast<double>(weight_of(tenants_.at(tenant).priority));
  const auto part = [weights](std::size_t whole) {
    return weights > 1 ? static_cast<std::size_t>(static_cast<double>(whole) / weights) : whole;
  };
  return {.blocks = part(options_.blocks),
          .places = std::max<std::size_t>(1, part(options_.sequences_max))};
}

// Preempts those of tenants that hold more than their part until the sequence fits; false when it
// asks for more than its own part, or nobody who was served more holds more than theirs.
bool Scheduler::make_way(Sequence& sequence) {
  const std::string& tenant = sequence.request.tenant;
  const Part part = part_of(tenant), held = held_by(tenant);
  if (held.blocks + blocks_for(sequence.needed_positions()) > part.blocks) return false;
  if (running_.size() >= options_.sequences_max && held.places >= part.places) return false;
  while (!fits(sequence)) {
    Sequence* const victim = youngest_beyond_its_part(tenant);
    if (victim == nullptr) return false;
    preempt(*victim);
  }
  return true;
}

// Of a tenant that was served no less than the one that asks: else two could take the room from
// each other for ever, and neither get anywhere.
Sequence* Scheduler::youngest_beyond_its_part(const std::string& asking) {
  const bool crowded = running_.size() >= options_.sequences_max;
  for (auto at = running_.rbegin(); at != running_.rend(); ++at) {
    const std::string& tenant = (*at)->request.tenant;
    if (tenant == asking || tenants_.at(tenant).served < tenants_.at(asking).served) continue;
    const Part part = part_of(tenant), held = held_by(tenant);
    if (held.blocks > part.blocks || (crowded && held.places > part.places)) return at->get();
  }
  return nullptr;
}

void Scheduler::preempt(Sequence& sequence) {
  const auto at = std::find_if(running_.begin(), running_.end(),
                               [&](const auto& running) { return running.get() == &sequence; });
  release_blocks(sequence);
  insert_by_age(waiting_, std::move(*at));
  running_.erase(at);
  ++preemptions_;
}

// The longest chain of published blocks that makes the sequence's beginning, if each group still
// has what its window needs there.
std::size_t Scheduler::reusable_blocks(Sequence& sequence) {
  const std::size_t full = full_blocks(sequence);
  std::size_t found = 0;
  while (found < full && found_where_all_is_seen(block_hash(sequence, found))) ++found;
  while (found > 0 && !usable(std::span(sequence.hashes).first(found))) --found;
  return found;
}

void Scheduler::reuse_prefix(Sequence& sequence) {
  const std::size_t boundary = reusable_blocks(sequence);
  sequence.published = boundary;
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
    if (options_.windows[g] == 0 && !groups_[g].find(hash)) return false;
  }
  return true;
}

// Whether each window group has what a row right behind the chain still reads.
bool Scheduler::usable(std::span<const BlockHash> chain) const {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (options_.windows[g] == 0) continue;
    for (std::size_t b = first_live_block(g, chain.size() * kBlockPositions); b < chain.size();
         ++b) {
      if (!groups_[g].find(chain[b])) return false;
    }
  }
  return true;
}

// The first block that a row at `position` or later may still read.
std::size_t Scheduler::first_live_block(std::size_t group, std::size_t position) const noexcept {
  const std::size_t window = options_.windows[group];
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

// Preempts the youngest, first of those who have too much, until the sequence has its blocks; false
// when it was the youngest itself.
bool Scheduler::make_room(Sequence& sequence, std::size_t positions) {
  while (!grow(sequence, positions)) {
    Sequence* victim = youngest_beyond_its_part(sequence.request.tenant);
    if (victim == nullptr) victim = running_.back().get();
    const bool itself = victim == &sequence;
    preempt(*victim);
    if (itself) return false;
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
  sequence.published = 0;
}

void Scheduler::computed(const Chunk& chunk) {
  Sequence& sequence = *chunk.sequence;
  const bool answers = decodes(sequence);
  sequence.computed = chunk.first + chunk.rows;
  // What is computed again after a preemption was served already.
  if (sequence.computed > sequence.charged) {
    const std::size_t rows = sequence.computed - std::max(sequence.charged, chunk.first);
    Tenant& tenant = tenants_.at(sequence.request.tenant);
    tenant.served += weight_of(tenant.priority) * (answers ? kAnswerWeight : rows);
    sequence.charged = sequence.computed;
  }
  for (; (sequence.published + 1) * kBlockPositions <= sequence.computed; ++sequence.published) {
    const std::size_t block = sequence.published;
    const BlockHash& hash = block_hash(sequence, block);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      if (block >= sequence.released[g]) groups_[g].publish(sequence.blocks[g][block], hash);
    }
  }
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const std::size_t live = first_live_block(g, sequence.computed);
    for (; sequence.released[g] < live; ++sequence.released[g]) {
      groups_[g].release(sequence.blocks[g][sequence.released[g]]);
    }
  }
}

void Scheduler::finish(SequenceId id) {
  for (Sequences* list : {&running_, &waiting_}) {
    const auto at = std::find_if(list->begin(), list->end(),
                                 [id](const auto& sequence) { return sequence->id == id; });
    if (at == list->end()) continue;
    const std::unique_ptr<Sequence> sequence = std::move(*at);
    list->erase(at);
    release_blocks(*sequence);
    forget(sequence->request.tenant);
    return;
  }
}

std::size_t Scheduler::answering() const {
  return static_cast<std::size_t>(std::count_if(
      running_.begin(), running_.end(), [](const auto& running) { return decodes(*running); }));
}

Sequence* Scheduler::find(SequenceId id) {
  for (Sequences* list : {&running_, &waiting_}) {
    for (const auto& sequence : *list) {
      if (sequence->id == id) return sequence.get();
    }
  }
  return nullptr;
}

// One sequence fewer. Who has none left is remembered while that makes a difference: as long as
// somebody here was served less.
void Scheduler::forget(const std::string& tenant) {
  --tenants_.at(tenant).sequences;
  std::uint64_t least = UINT64_MAX;
  for (const auto& [name, other] : tenants_) {
    if (other.sequences > 0) least = std::min(least, other.served);
  }
  std::erase_if(tenants_, [least](const auto& entry) {
    return entry.second.sequences == 0 && (least == UINT64_MAX || entry.second.served <= least);
  });
}

// Of the chain: the hash of block n covers the tenant and all tokens before it.
const BlockHash& Scheduler::block_hash(Sequence& sequence, std::size_t block) {
  while (sequence.hashes.size() <= block) {
    Sha256 hash;
    const std::size_t at = sequence.hashes.size();
    hash.update(at > 0 ? std::as_bytes(std::span(sequence.hashes[at - 1]))
                       : std::as_bytes(std::span(sequence.request.tenant)));
    hash.update(
        std::as_bytes(std::span(sequence.tokens).subspan(at * kBlockPositions, kBlockPositions)));
    sequence.hashes.push_back(hash.finish());
  }
  return sequence.hashes[block];
}

}  // namespace hearth
