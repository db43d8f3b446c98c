// The Scheduler under a seeded random load: after every step no block is lost or owned twice, the
// budget is kept, and each row finds in its blocks exactly what its own past put there. A failure
// prints its seed.
//
// The cache is simulated: a slot holds the hash of all tokens up to its position. The "model"
// answers with a function of that hash, so what a sequence generates is known without a scheduler,
// and a block that was shared wrongly, evicted in use or computed from a stale one shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/random.h"
#include "engine/scheduler.h"

namespace hearth {
namespace {

constexpr TokenId kEnd = 0;
constexpr std::uint64_t kSeeds = 143;        // of each of seven loads: 1,001
constexpr std::uint64_t kLoadSteps = 1000;   // of one run, in which sequences come
constexpr std::uint64_t kStepsMax = 100000;  // of one run: far more than any needs
constexpr std::size_t kHereMax = 24;         // at a time, running and waiting
std::uint64_t mix(std::uint64_t past, TokenId token) {
  return Random(past ^ (0x9e3779b97f4a7c15u * static_cast<std::uint64_t>(token + 1))).next();
}

TokenId answer(std::uint64_t past) { return static_cast<TokenId>(Random(past).next() % 40); }

// What the sequence must have generated when it ends.
std::vector<TokenId> alone(std::vector<TokenId> tokens, std::size_t max_tokens) {
  std::uint64_t past = 1;
  for (const TokenId token : tokens) past = mix(past, token);
  for (std::size_t i = 0; i < max_tokens; ++i) {
    tokens.push_back(answer(past));
    if (tokens.back() == kEnd) break;
    past = mix(past, tokens.back());
  }
  return tokens;
}

struct Load {
  std::vector<std::size_t> windows;
  std::size_t blocks, budget;
  std::size_t tenants = 1, sequences_max = SIZE_MAX;
  bool priorities = false;  // of the tenants: low, normal, high, low, …
  // Steps without a row, at most, of a sequence that was admitted, preempted since or not. 371 were
  // the most in a million.
  std::size_t wait_max = 500;
};

Priority priority_of(std::size_t tenant) { return static_cast<Priority>(tenant % 3); }

class Simulation {
 public:
  Simulation(std::uint64_t seed, const Load& load)
      : load_(load),
        random_(seed),
        scheduler_({.windows = load.windows,
                    .blocks = load.blocks,
                    .rows_per_step = load.budget,
                    .sequences_max = load.sequences_max}),
        cache_(load.windows.size(), std::vector<std::uint64_t>(load.blocks * kBlockPositions)) {}

  void run() {
    while ((steps_ < kLoadSteps || !scheduler_.idle()) && !testing::Test::HasFailure()) {
      ASSERT_LT(++steps_, kStepsMax) << "some sequence never ends";
      while (steps_ < kLoadSteps && here() < kHereMax && below(3) == 0) submit();
      if (below(50) == 0) cancel();
      step();
      check_blocks();
    }
    for (std::size_t g = 0; g < cache_.size(); ++g) {
      EXPECT_EQ(scheduler_.group(g).available(), load_.blocks);
    }
    EXPECT_EQ(finished_ + cancelled_, submitted_);
  }

  std::size_t steps() const { return steps_; }
  std::size_t reused() const { return reused_; }
  std::size_t recomputed() const { return recomputed_; }
  std::size_t longest_wait() const { return longest_wait_; }

 private:
  struct Expected {
    std::vector<TokenId> tokens;
    std::size_t largest_computed = 0;
  };

  std::size_t here() const { return scheduler_.running().size() + scheduler_.waiting().size(); }
  std::size_t below(std::size_t limit) { return random_.next() % limit; }

  // Prompts start with one of three texts, so that many share a beginning.
  void submit() {
    const std::size_t room = load_.blocks * kBlockPositions;
    Request request;
    const std::size_t tokens = 1 + below(room * 3 / 4);
    const std::size_t shared = below(tokens + 1);
    const auto text = static_cast<TokenId>(below(3));
    for (std::size_t i = 0; i < tokens; ++i) {
      request.prompt.push_back(i < shared ? text + 1 : 1 + static_cast<TokenId>(below(1000)));
    }
    const std::size_t tenant = below(load_.tenants);
    request.tenant = "tenant " + std::to_string(tenant);
    if (load_.priorities) request.priority = priority_of(tenant);
    request.max_tokens = below(std::min<std::size_t>(120, room - tokens + 1));
    request.reuse_prefix = below(8) != 0;
    expected_[++submitted_] = {alone(request.prompt, request.max_tokens)};
    scheduler_.submit(std::make_unique<Sequence>(submitted_, std::move(request),
                                                 load_.windows.size(), Isa::kPortable));
  }

  void cancel() {
    const auto& list = below(2) == 0 ? scheduler_.running() : scheduler_.waiting();
    if (list.empty()) return;
    ++cancelled_;
    scheduler_.finish(list[below(list.size())]->id);
  }

  void step() {
    const std::size_t usual = below(load_.budget + 1);
    const std::span<const Chunk> chunks =
        scheduler_.plan({.usual = usual, .overdue = usual + below(load_.budget)});
    ASSERT_EQ(chunks.empty(), scheduler_.idle());
    ASSERT_LE(scheduler_.running().size(), load_.sequences_max);
    check_waits(chunks);
    std::size_t rows = 0;
    bool prefill = false;
    for (const Chunk& chunk : chunks) {
      const bool decode = chunk.sequence->tokens.size() - chunk.first == 1;
      ASSERT_FALSE(prefill && decode) << "decode rows come first";
      prefill = !decode;
      rows += chunk.rows;
      compute(chunk);
    }
    ASSERT_LE(rows, load_.budget);
    for (const Chunk& chunk : chunks) deliver(chunk);
  }

  // No sequence that was admitted is left without a row for long.
  void check_waits(std::span<const Chunk> chunks) {
    for (const auto* list : {&scheduler_.running(), &scheduler_.waiting()}) {
      for (const auto& sequence : *list) {
        if (!sequence->cached) continue;  // never admitted
        std::size_t& waited = waited_[sequence->id];
        const bool got = std::any_of(chunks.begin(), chunks.end(), [&](const Chunk& chunk) {
          return chunk.sequence == sequence.get();
        });
        waited = got ? 0 : waited + 1;
        longest_wait_ = std::max(longest_wait_, waited);
        ASSERT_LE(waited, load_.wait_max) << "sequence " << sequence->id;
      }
    }
  }

  std::uint64_t& slot(std::size_t group, const Sequence& sequence, std::size_t position) {
    const BlockId block = sequence.blocks[group][position / kBlockPositions];
    return cache_[group][block * kBlockPositions + position % kBlockPositions];
  }

  // Writes what the chunk's rows put into the cache, then reads what each of them sees.
  void compute(const Chunk& chunk) {
    const Sequence& sequence = *chunk.sequence;
    ASSERT_EQ(chunk.first, sequence.computed);
    ASSERT_GE(chunk.rows, 1u);
    ASSERT_LE(chunk.first + chunk.rows, sequence.tokens.size());
    Expected& expected = expected_.at(sequence.id);
    if (chunk.first < expected.largest_computed) ++recomputed_;
    expected.largest_computed = std::max(expected.largest_computed, chunk.first + chunk.rows);
    std::vector<std::uint64_t> past{1};  // past[p]: before position p
    for (const TokenId token : sequence.tokens) past.push_back(mix(past.back(), token));
    for (std::size_t g = 0; g < cache_.size(); ++g) {
      for (std::size_t p = chunk.first; p < chunk.first + chunk.rows; ++p) {
        ASSERT_EQ(scheduler_.group(g).users(sequence.blocks[g][p / kBlockPositions]), 1u)
            << "written by one, seen by another";
        slot(g, sequence, p) = past[p + 1];
      }
      const std::size_t window = load_.windows[g];
      const std::size_t seen = window != 0 && chunk.first >= window ? chunk.first - window + 1 : 0;
      for (std::size_t p = seen; p < chunk.first + chunk.rows; ++p) {
        ASSERT_EQ(slot(g, sequence, p), past[p + 1])
            << "sequence " << sequence.id << ", group " << g << ", position " << p;
      }
    }
  }

  void deliver(const Chunk& chunk) {
    scheduler_.computed(chunk);
    Sequence& sequence = *chunk.sequence;
    if (sequence.computed < sequence.tokens.size()) return;
    const std::size_t wanted = sequence.request.max_tokens;
    if (wanted > 0) {
      std::uint64_t past = slot(0, sequence, sequence.computed - 1);
      sequence.tokens.push_back(answer(past));
      if (sequence.tokens.back() != kEnd && sequence.generated() < wanted) return;
    }
    EXPECT_EQ(sequence.tokens, expected_.at(sequence.id).tokens) << "sequence " << sequence.id;
    reused_ += *sequence.cached > 0;
    ++finished_;
    scheduler_.finish(sequence.id);
  }

  // Each block has as many users as sequences hold it; all others can be had.
  void check_blocks() {
    for (std::size_t g = 0; g < cache_.size(); ++g) {
      std::map<BlockId, std::size_t> held;
      for (const auto& sequence : scheduler_.running()) {
        const std::vector<BlockId>& blocks = sequence->blocks[g];
        for (std::size_t b = sequence->released[g]; b < blocks.size(); ++b) ++held[blocks[b]];
      }
      const BlockManager& group = scheduler_.group(g);
      for (BlockId id = 0; id < group.size(); ++id) {
        ASSERT_EQ(group.users(id), held.contains(id) ? held[id] : 0) << "block " << id;
      }
      ASSERT_EQ(group.available() + held.size(), load_.blocks);
    }
    for (const auto& sequence : scheduler_.waiting()) {
      for (const auto& blocks : sequence->blocks) ASSERT_TRUE(blocks.empty());
    }
  }

  Load load_;
  Random random_;
  Scheduler scheduler_;
  std::vector<std::vector<std::uint64_t>> cache_;  // by group: [block, slot]
  std::map<SequenceId, Expected> expected_;
  std::map<SequenceId, std::size_t> waited_;
  SequenceId submitted_ = 0;
  std::size_t steps_ = 0, finished_ = 0, cancelled_ = 0;
  std::size_t reused_ = 0, recomputed_ = 0, longest_wait_ = 0;
};

void simulate(const Load& load) {
  std::size_t reused = 0, recomputed = 0, longest = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(seed, load);
    simulation.run();
    if (testing::Test::HasFailure()) return;
    longest = std::max(longest, simulation.longest_wait());
    reused += simulation.reused();
    recomputed += simulation.recomputed();
  }
  testing::Test::RecordProperty("longest_wait_steps", std::to_string(longest));
  std::printf("longest wait of an admitted sequence: %zu steps\n", longest);
  EXPECT_GT(reused, 20u);
  EXPECT_GT(recomputed, 20u) << "nobody was preempted";
}

TEST(SchedulerSimulation, OneGroup) { simulate({.windows = {0}, .blocks = 12, .budget = 48}); }

TEST(SchedulerSimulation, GlobalAndWindow) {
  simulate({.windows = {70, 0}, .blocks = 12, .budget = 48});
}

TEST(SchedulerSimulation, WindowsOnly) {
  simulate({.windows = {33, 64}, .blocks = 10, .budget = 200});
}

TEST(SchedulerSimulation, FewRowsAndBlocks) {
  simulate({.windows = {0, 5}, .blocks = 3, .budget = 2});
}

TEST(SchedulerSimulation, Tenants) {
  simulate({.windows = {0, 40}, .blocks = 12, .budget = 48, .tenants = 4});
}

TEST(SchedulerSimulation, TenantsAndFewPlaces) {
  simulate({.windows = {0}, .blocks = 14, .budget = 20, .tenants = 3, .sequences_max = 3});
}

TEST(SchedulerSimulation, Priorities) {
  simulate({.windows = {0, 40},
            .blocks = 12,
            .budget = 48,
            .tenants = 4,
            .priorities = true,
            .wait_max = 1000});
}

// Three tenants, one of each priority, always have `here` requests of one size each. How many ended
// in so many steps.
struct Parts {
  std::array<double, 3> ended{};

  double ratio(Priority a, Priority b) const {
    return ended[static_cast<std::size_t>(a)] / ended[static_cast<std::size_t>(b)];
  }
};

Parts parts_of(const SchedulerOptions& options, std::size_t here, std::size_t prompt_tokens,
               std::size_t answer_tokens) {
  constexpr std::uint64_t kSteps = 30000;
  Scheduler scheduler(options);
  SequenceId last_id = 0;
  std::array<std::size_t, 3> count{};
  Parts parts;
  for (std::uint64_t step = 0; step < kSteps; ++step) {
    for (std::size_t tenant = 0; tenant < 3; ++tenant) {
      for (; count[tenant] < here; ++count[tenant]) {
        Request request;
        request.tenant = std::to_string(tenant);
        request.priority = priority_of(tenant);
        request.prompt.assign(prompt_tokens, static_cast<TokenId>(++last_id));  // shares nothing
        request.max_tokens = answer_tokens;
        scheduler.submit(
            std::make_unique<Sequence>(last_id, std::move(request), 1, Isa::kPortable));
      }
    }
    for (const Chunk& chunk : scheduler.plan()) {
      Sequence& sequence = *chunk.sequence;
      const auto tenant = static_cast<std::size_t>(sequence.request.priority);
      scheduler.computed(chunk);
      if (sequence.computed < sequence.tokens.size()) continue;
      sequence.tokens.push_back(1);
      if (sequence.generated() < answer_tokens) continue;
      scheduler.finish(sequence.id);
      --count[tenant];
      ++parts.ended[tenant];
    }
  }
  return parts;
}

TEST(SchedulerSimulation, PromptsAreReadAsPrioritiesSay) {
  const Parts parts = parts_of({.windows = {0}, .blocks = 64, .rows_per_step = 16}, 2, 40, 1);
  EXPECT_NEAR(parts.ratio(Priority::kHigh, Priority::kNormal), 4, 0.2);
  EXPECT_NEAR(parts.ratio(Priority::kNormal, Priority::kLow), 4, 0.2);
  EXPECT_GT(parts.ended[static_cast<std::size_t>(Priority::kLow)], 100u);
}

TEST(SchedulerSimulation, PlacesAreGivenAsPrioritiesSay) {
  const Parts parts = parts_of(
      {.windows = {0}, .blocks = 512, .rows_per_step = 64, .sequences_max = 21}, 20, 20, 30);
  EXPECT_NEAR(parts.ratio(Priority::kHigh, Priority::kNormal), 4, 0.5);  // 16 places, 4 and 1
  EXPECT_NEAR(parts.ratio(Priority::kNormal, Priority::kLow), 4, 0.5);
  EXPECT_GT(parts.ended[static_cast<std::size_t>(Priority::kLow)], 100u);
}

}  // namespace
}  // namespace hearth
