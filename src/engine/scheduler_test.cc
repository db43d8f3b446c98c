// Scheduler: admission, mixing, preemption, prefixes and windows, by hand-worked cases. Nothing is
// computed: a test tells the scheduler that it was.
#include "engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace hearth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Scheduling {
 public:
  Scheduling(std::vector<std::size_t> windows, std::size_t blocks, std::size_t rows,
             std::size_t sequences_max = SIZE_MAX)
      : groups_(windows.size()),
        scheduler_({.windows = std::move(windows),
                    .blocks = blocks,
                    .rows_per_step = rows,
                    .sequences_max = sequences_max}) {}

  // Tokens first, first + 1, …: two prompts share what they have in common at the front.
  SequenceId submit(std::size_t tokens, TokenId first = 0, bool reuse = true) {
    std::vector<TokenId> prompt;
    for (std::size_t i = 0; i < tokens; ++i) prompt.push_back(first + static_cast<TokenId>(i));
    return submit_prompt(std::move(prompt), SIZE_MAX, reuse);
  }

  // Likewise, of a tenant.
  SequenceId submit_as(const std::string& tenant, std::size_t tokens, TokenId first) {
    tenant_ = tenant;
    const SequenceId id = submit(tokens, first);
    tenant_.clear();
    return id;
  }

  SequenceId submit_prompt(std::vector<TokenId> prompt, std::size_t max_tokens = SIZE_MAX,
                           bool reuse = true) {
    Request request;
    request.tenant = tenant_;
    request.prompt = std::move(prompt);
    request.max_tokens = max_tokens;
    request.reuse_prefix = reuse;
    scheduler_.submit(
        std::make_unique<Sequence>(++last_id_, std::move(request), groups_, Isa::kPortable));
    return last_id_;
  }

  // One step; a sequence whose tokens are all computed gets one more, as a sampler would give.
  // What was computed, as {id, first, rows}.
  using Row = std::tuple<SequenceId, std::size_t, std::size_t>;
  std::vector<Row> step(const PromptRows& most = {}) {
    std::vector<Row> rows;
    const std::span<const Chunk> chunks = scheduler_.plan(most);
    for (const Chunk& chunk : chunks) {
      rows.emplace_back(chunk.sequence->id, chunk.first, chunk.rows);
      scheduler_.computed(chunk);
      Sequence& sequence = *chunk.sequence;
      if (sequence.computed == sequence.tokens.size()) sequence.tokens.push_back(kAnswer);
    }
    return rows;
  }

  void finish(SequenceId id) { scheduler_.finish(id); }

  std::vector<SequenceId> running() const { return ids(scheduler_.running()); }
  std::vector<SequenceId> waiting() const { return ids(scheduler_.waiting()); }
  const Sequence& sequence(SequenceId id) const {
    for (const auto* list : {&scheduler_.running(), &scheduler_.waiting()}) {
      for (const auto& sequence : *list) {
        if (sequence->id == id) return *sequence;
      }
    }
    throw std::out_of_range("no sequence " + std::to_string(id));
  }
  const Scheduler& scheduler() const { return scheduler_; }
  std::size_t available(std::size_t group = 0) const { return scheduler_.group(group).available(); }

 private:
  static constexpr TokenId kAnswer = 9999;
  static std::vector<SequenceId> ids(const std::deque<std::unique_ptr<Sequence>>& list) {
    std::vector<SequenceId> ids;
    for (const auto& sequence : list) ids.push_back(sequence->id);
    return ids;
  }

  std::size_t groups_;
  Scheduler scheduler_;
  std::string tenant_;
  SequenceId last_id_ = 0;
};

using Row = Scheduling::Row;

TEST(Scheduler, HasNothingToDoWhenIdle) {
  Scheduling s({0}, 4, 8);
  EXPECT_TRUE(s.scheduler().idle());
  EXPECT_TRUE(s.step().empty());
  s.submit(3);
  EXPECT_FALSE(s.scheduler().idle());
}

TEST(Scheduler, CutsAPromptIntoChunksOfTheBudget) {
  Scheduling s({0}, 4, 8);
  const SequenceId a = s.submit(19);
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 0, 8}));
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 8, 8}));
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 16, 3}));
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 19, 1}));  // decode
}

TEST(Scheduler, DecodesFirstAndPrefillsWithTheRest) {
  Scheduling s({0}, 16, 8);
  const SequenceId a = s.submit(2);
  const SequenceId b = s.submit(3, 100);
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 0, 2}, Row{b, 0, 3}));
  const SequenceId c = s.submit(20, 200);
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 2, 1}, Row{b, 3, 1}, Row{c, 0, 6}));
  const SequenceId d = s.submit(9, 300);
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 3, 1}, Row{b, 4, 1}, Row{c, 6, 6}));
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 4, 1}, Row{b, 5, 1}, Row{c, 12, 6}));
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 5, 1}, Row{b, 6, 1}, Row{c, 18, 2}, Row{d, 0, 4}));
}

TEST(Scheduler, RefusesAPromptThatCanNeverFit) {
  Scheduling s({0}, 2, 8);
  try {
    s.submit(64);
    FAIL() << "64 tokens and an answer do not fit in 64 positions";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    EXPECT_THAT(error.what(), HasSubstr("64 tokens"));
    EXPECT_THAT(error.what(), HasSubstr("room for 63"));
  }
  EXPECT_TRUE(s.scheduler().idle());
  s.submit(63);
  s.submit_prompt(std::vector<TokenId>(64, 1), 0);  // no answer: all 64
  EXPECT_THROW(s.submit_prompt(std::vector<TokenId>(65, 1), 0), Error);
}

TEST(Scheduler, AdmitsInOrderWhenThereIsRoom) {
  Scheduling s({0}, 4, 512);
  const SequenceId a = s.submit(40);
  const SequenceId b = s.submit(70, 1000);  // 3 blocks: only 2 are left
  const SequenceId c = s.submit(5, 2000);   // would fit, but must not overtake
  s.step();
  EXPECT_THAT(s.running(), ElementsAre(a));
  EXPECT_THAT(s.waiting(), ElementsAre(b, c));
  s.finish(a);
  s.step();
  EXPECT_THAT(s.running(), ElementsAre(b, c));
}

// What a running prompt has not allocated yet is spoken for: otherwise b would be admitted,
// computed and preempted again and again while a is read.
TEST(Scheduler, AdmissionCountsWhatTheRunningStillNeed) {
  Scheduling s({0}, 6, 16);
  const SequenceId a = s.submit(150);  // 5 blocks, of which the first step takes one
  s.step();
  EXPECT_EQ(s.available(), 5u);
  const SequenceId b = s.submit(40, 1000);  // 2 blocks
  const SequenceId c = s.submit(10, 2000);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(s.step().size(), 1u);
  EXPECT_THAT(s.running(), ElementsAre(a));
  EXPECT_THAT(s.waiting(), ElementsAre(b, c));
}

TEST(Scheduler, TwoAdmittedAtOnceShareWhatThereIs) {
  Scheduling s({0}, 3, 16);
  const SequenceId a = s.submit(40);
  const SequenceId b = s.submit(40, 1000);  // 2 blocks each: 3 do not hold both
  s.step();
  EXPECT_THAT(s.running(), ElementsAre(a));
  EXPECT_THAT(s.waiting(), ElementsAre(b));
}

TEST(Scheduler, FreesEverythingWhenASequenceEnds) {
  Scheduling s({0, 40}, 8, 512);
  const SequenceId a = s.submit(100);
  const SequenceId b = s.submit(20, 1000);
  s.step();
  EXPECT_EQ(s.available(0), 3u);
  s.finish(a);
  s.finish(b);
  EXPECT_EQ(s.available(0), 8u);
  EXPECT_EQ(s.available(1), 8u);
  EXPECT_TRUE(s.scheduler().idle());
  s.finish(a);  // twice, or unknown: nothing happens
  s.finish(77);
}

TEST(Scheduler, AWaitingSequenceCanLeave) {
  Scheduling s({0}, 2, 512);
  const SequenceId a = s.submit(40);
  const SequenceId b = s.submit(40, 1000);
  const SequenceId c = s.submit(3, 2000);
  s.step();
  s.finish(b);
  EXPECT_THAT(s.waiting(), ElementsAre(c));
  s.finish(a);
  s.step();
  EXPECT_THAT(s.running(), ElementsAre(c));
}

// Both fit when they come; both grow until the blocks run out.
TEST(Scheduler, PreemptsTheYoungest) {
  Scheduling s({0}, 4, 512);
  const SequenceId a = s.submit(30);
  const SequenceId b = s.submit(62, 1000);
  const SequenceId c = s.submit(3, 2000);
  s.step();
  EXPECT_THAT(s.running(), ElementsAre(a, b, c));
  EXPECT_EQ(s.available(), 0u);
  EXPECT_EQ(s.step().size(), 3u);  // a: 31 positions, b: 63
  EXPECT_EQ(s.step().size(), 3u);  // a: 32, b: 64
  // a and b want one block more, each: c goes for a, then b itself is the youngest.
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 32, 1}));
  EXPECT_THAT(s.running(), ElementsAre(a));
  EXPECT_THAT(s.waiting(), ElementsAre(b, c)) << "the older one first";
  EXPECT_EQ(s.sequence(b).computed, 0u);
  EXPECT_EQ(s.sequence(b).tokens.size(), 65u) << "it keeps its answer";
}

TEST(Scheduler, APreemptedSequenceFindsItsFullBlocksAgain) {
  Scheduling s({0}, 4, 512);
  const SequenceId a = s.submit(31);
  const SequenceId b = s.submit(94, 1000);
  s.step();
  s.step();
  ASSERT_THAT(s.step(), ElementsAre(Row{a, 32, 1})) << "a takes the one block b had not filled";
  ASSERT_THAT(s.waiting(), ElementsAre(b));
  s.finish(a);
  EXPECT_THAT(s.step(), ElementsAre(Row{b, 64, 32})) << "two full blocks are still there";
  EXPECT_EQ(s.sequence(b).cached, std::optional<std::size_t>(0)) << "found at its own start: none";
}

// b, of one token, decodes while a reads seven rows a step. In step 33 b wants its second block and
// gets the ninth; then a wants its eighth.
TEST(Scheduler, APlannedRowOfThePreemptedIsNotComputed) {
  Scheduling s({0}, 9, 8);
  const SequenceId a = s.submit(255);
  const SequenceId b = s.submit(1, 1000);
  for (std::size_t n = 0; n < 32; ++n) {
    ASSERT_THAT(s.step(), ElementsAre(Row{b, n, 1}, Row{a, 7 * n, 7}));
  }
  EXPECT_EQ(s.available(), 1u);
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 224, 7}));
  EXPECT_THAT(s.waiting(), ElementsAre(b));
}

TEST(Scheduler, ReusesTheBlocksOfAnEqualBeginning) {
  Scheduling s({0}, 16, 512);
  const SequenceId a = s.submit(100);
  s.step();
  const SequenceId b = s.submit(100);  // while a is still running
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 100, 1}, Row{b, 96, 4}));
  EXPECT_EQ(s.sequence(b).cached, std::optional<std::size_t>(96));
  const std::vector<BlockId>& shared = s.sequence(a).blocks[0];
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(s.sequence(b).blocks[0][i], shared[i]);
    EXPECT_EQ(s.scheduler().group(0).users(shared[i]), 2u);
  }
  EXPECT_NE(s.sequence(b).blocks[0][3], shared[3]) << "a block that is not full is never shared";
}

TEST(Scheduler, LeavesOneTokenToCompute) {
  Scheduling s({0}, 16, 512);
  const SequenceId a = s.submit(64);
  s.step();
  s.finish(a);
  const SequenceId b = s.submit(64);
  EXPECT_THAT(s.step(), ElementsAre(Row{b, 32, 32})) << "its logits are wanted";
  const SequenceId c = s.submit(65);
  EXPECT_THAT(s.step(), ElementsAre(Row{b, 64, 1}, Row{c, 64, 1}));
}

TEST(Scheduler, ReusesUpToTheFirstDifferentBlock) {
  Scheduling s({0}, 16, 512);
  const SequenceId a = s.submit(128);
  s.step();
  s.finish(a);
  std::vector<TokenId> prompt;
  for (TokenId i = 0; i < 128; ++i) prompt.push_back(i);
  prompt[40] = -1;  // in the second block: the third and fourth have equal tokens but another past
  const SequenceId b = s.submit_prompt(prompt);
  EXPECT_THAT(s.step(), ElementsAre(Row{b, 32, 96}));
}

TEST(Scheduler, ReusesNothingWhenAskedNotTo) {
  Scheduling s({0}, 16, 512);
  const SequenceId a = s.submit(64);
  s.step();
  const SequenceId b = s.submit(64, 0, false);
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 64, 1}, Row{b, 0, 64}));
  EXPECT_EQ(s.sequence(b).cached, std::optional<std::size_t>(0));
}

TEST(Scheduler, ReusesAnAnswerToo) {
  Scheduling s({0}, 16, 512);
  const SequenceId a = s.submit(30);
  for (int i = 0; i < 40; ++i) s.step();
  std::vector<TokenId> conversation = s.sequence(a).tokens;
  ASSERT_EQ(conversation.size(), 70u);
  s.finish(a);
  const SequenceId b = s.submit_prompt(conversation);
  EXPECT_THAT(s.step(), ElementsAre(Row{b, 64, 6}));
}

// A chain is worth nothing without its beginning: when memory is wanted, the end goes first.
TEST(Scheduler, ForgetsTheEndOfAPrefixFirst) {
  Scheduling s({0}, 5, 512);
  const SequenceId a = s.submit(128);
  s.step();
  s.finish(a);
  const SequenceId b = s.submit(40, 1000);  // the free block, and one of a's
  s.step();
  s.finish(b);
  const SequenceId c = s.submit(128);
  EXPECT_THAT(s.step(), ElementsAre(Row{c, 96, 32}));
}

// Window of 40: a row at 100 sees 61 to 100, so the block of 0 to 31 is given back.
TEST(Scheduler, GivesBackWhatAWindowHasPassed) {
  Scheduling s({0, 40}, 8, 512);
  const SequenceId a = s.submit(100);
  s.step();
  EXPECT_EQ(s.available(0), 4u);
  EXPECT_EQ(s.available(1), 5u);
  EXPECT_EQ(s.sequence(a).released[1], 1u);
  while (s.sequence(a).computed < 103) s.step();
  EXPECT_EQ(s.sequence(a).released[1], 2u) << "a row at 103 sees 64 to 103";
}

TEST(Scheduler, TheLastPositionOfAWindowIsKept) {
  Scheduling s({33}, 8, 512);
  const SequenceId a = s.submit(63);
  s.step();
  EXPECT_EQ(s.sequence(a).released[0], 0u) << "the row at 63 sees 31 to 63";
  s.step();
  EXPECT_EQ(s.sequence(a).released[0], 1u) << "the row at 64 sees 32 to 64";
}

TEST(Scheduler, WindowGroupsReuseWhatTheWindowSees) {
  Scheduling s({0, 40}, 8, 512);
  const SequenceId a = s.submit(100);
  s.step();
  s.finish(a);
  const SequenceId b = s.submit(100);
  EXPECT_THAT(s.step(), ElementsAre(Row{b, 96, 4}));
  EXPECT_EQ(s.sequence(b).released[1], 1u);
  const BlockId seen = s.sequence(b).blocks[1][1];
  EXPECT_EQ(s.scheduler().group(1).users(seen), 1u);
  s.finish(b);
  EXPECT_EQ(s.available(0), 8u);
  EXPECT_EQ(s.available(1), 8u);
}

// The global group lost the end of the chain, the window group its beginning, which it had given
// back first: no boundary is left where both have what a row behind it sees.
TEST(Scheduler, ReuseEndsWhereAWindowGroupLacksItsPart) {
  for (const auto& [other_tokens, reused] : {std::pair{40u, 96u}, std::pair{70u, 0u}}) {
    Scheduling s({0, 40}, 5, 512);
    const SequenceId a = s.submit(128);
    s.step();
    s.finish(a);
    const SequenceId b = s.submit(other_tokens, 1000);  // takes 1 of a's blocks, or 2
    s.step();
    s.finish(b);
    const SequenceId c = s.submit(128);
    EXPECT_THAT(s.step(), ElementsAre(Row{c, reused, 128 - reused}));
  }
}

TEST(Scheduler, PromptRowsBesideAnswersAreCapped) {
  Scheduling s({0}, 16, 64);
  const SequenceId a = s.submit(2);
  s.step();
  const SequenceId b = s.submit(100, 1000);
  EXPECT_THAT(s.step({.usual = 10}), ElementsAre(Row{a, 2, 1}, Row{b, 0, 10}));
  s.finish(a);
  EXPECT_THAT(s.step({.usual = 10}), ElementsAre(Row{b, 10, 64})) << "nobody answers";
}

// What n answers to one prompt have in common is computed once, though they come together.
TEST(Scheduler, EqualPromptsWaitForTheFirst) {
  Scheduling s({0}, 32, 64);
  const SequenceId a = s.submit(100), b = s.submit(100), c = s.submit(100);
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 0, 64}));
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 64, 36}));
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 100, 1}, Row{b, 96, 4}, Row{c, 96, 4}));
  EXPECT_EQ(s.scheduler().group(0).users(s.sequence(a).blocks[0][2]), 3u);
}

TEST(Scheduler, NobodyWaitsForAnotherTenantsBlocksOrFindsThem) {
  Scheduling s({0}, 32, 512);
  const SequenceId a = s.submit_as("a", 100, 0);
  const SequenceId b = s.submit_as("b", 100, 0);
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 0, 100}, Row{b, 0, 100}));
  s.finish(a);
  const SequenceId c = s.submit_as("c", 100, 0);
  EXPECT_THAT(s.step(), ElementsAre(Row{b, 100, 1}, Row{c, 0, 100}));
  EXPECT_EQ(s.sequence(c).cached, std::optional<std::size_t>(0));
}

// Found blocks that somebody uses take no room: b fits though only two blocks are free.
TEST(Scheduler, SharedBlocksAreNotCountedTwice) {
  Scheduling s({0}, 6, 512);
  const SequenceId a = s.submit(110);
  s.step();
  ASSERT_EQ(s.available(), 2u);
  const SequenceId b = s.submit(110);
  s.step();
  EXPECT_THAT(s.running(), ElementsAre(a, b));
}

TEST(Scheduler, TheLeastServedTenantIsReadFirst) {
  Scheduling s({0}, 64, 32);
  const SequenceId a = s.submit_as("many", 200, 0);
  s.step();
  s.submit_as("many", 200, 1000);
  const SequenceId b = s.submit_as("one", 20, 2000);
  EXPECT_THAT(s.step(), ElementsAre(Row{a, 32, 32})) << "who comes starts level";
  EXPECT_THAT(s.step(), ElementsAre(Row{b, 0, 20}, Row{a, 64, 12}));
}

// Its first prompt is read before those of a tenant with answers, and more of it in a step.
TEST(Scheduler, WhoHasNoAnswerBesideAnothersIsOverdue) {
  Scheduling s({0}, 64, 512);
  const PromptRows most{.usual = 10, .overdue = 60};
  const SequenceId a = s.submit_as("many", 20, 0);
  s.step(most);
  const SequenceId b = s.submit_as("many", 50, 1000);
  EXPECT_THAT(s.step(most), ElementsAre(Row{a, 20, 1}, Row{b, 0, 10}));
  const SequenceId c = s.submit_as("one", 100, 2000);
  EXPECT_THAT(s.step(most), ElementsAre(Row{a, 21, 1}, Row{c, 0, 60}));
  EXPECT_THAT(s.step(most), ElementsAre(Row{a, 22, 1}, Row{c, 60, 40})) << "and nothing of b";
  s.submit_as("one", 100, 3000);
  EXPECT_THAT(s.step(most), ElementsAre(Row{a, 23, 1}, Row{c, 100, 1}, Row{b, 10, 10}));
}

// A tenant that fills the cache gives way to one that needs no more than its part.
TEST(Scheduler, WhoHoldsMoreThanItsPartGivesWay) {
  Scheduling s({0}, 8, 512);
  const SequenceId a = s.submit_as("many", 100, 0);
  const SequenceId b = s.submit_as("many", 100, 1000);
  s.step();
  ASSERT_THAT(s.running(), ElementsAre(a, b));
  const SequenceId c = s.submit_as("one", 100, 2000);
  s.step();
  EXPECT_THAT(s.running(), ElementsAre(a, c));
  EXPECT_THAT(s.waiting(), ElementsAre(b));
  const SequenceId d = s.submit_as("one", 100, 3000);
  s.step();
  EXPECT_THAT(s.waiting(), ElementsAre(b, d)) << "that would be more than its own";
  EXPECT_EQ(s.scheduler().preemptions(), 1u);
}

TEST(Scheduler, PlacesAreSharedLikeBlocks) {
  Scheduling s({0}, 64, 512, 2);
  const SequenceId a = s.submit_as("many", 10, 0), b = s.submit_as("many", 10, 1000);
  s.submit_as("many", 10, 2000);
  s.step();
  EXPECT_THAT(s.running(), ElementsAre(a, b));
  const SequenceId d = s.submit_as("one", 10, 3000);
  s.step();  // who comes starts level, and the other tenant's third is older
  s.step();
  EXPECT_THAT(s.running(), ElementsAre(a, d));
}

// A prompt of more than its tenant's part, beside a tenant that always has two requests.
TEST(Scheduler, ALargePromptEndsBesideABusyTenant) {
  Scheduling s({0}, 257, 512);
  TokenId text = 0;
  const SequenceId large = s.submit_as("one", 6000, text);
  std::vector<SequenceId> others;
  std::size_t steps = 0;
  for (; s.sequence(large).generated() == 0 && steps < 1000; ++steps) {
    while (others.size() < 2) others.push_back(s.submit_as("busy", 2500, text += 10000));
    s.step();
    std::erase_if(others, [&](const SequenceId id) {
      const bool ended = s.sequence(id).generated() > 0;
      if (ended) s.finish(id);
      return ended;
    });
  }
  // Fairly shared, 6,000 rows of its own and as many of the other's, 512 a step; and what it lost.
  EXPECT_LT(steps, 100u);
}

// Five places of three tenants: nobody's fifth place is passed from one to the other.
TEST(Scheduler, PlacesThatDoNotDivideStayWhereTheyAre) {
  Scheduling s({0}, 640, 512, 5);
  TokenId text = 0;
  for (int i = 0; i < 5; ++i) {
    for (const char* tenant : {"a", "b", "c"}) s.submit_as(tenant, 10, text += 1000);
  }
  for (int step = 0; step < 200; ++step) s.step();
  EXPECT_LE(s.scheduler().preemptions(), 3u);
}

}  // namespace
}  // namespace hearth
