// BlockManager: counts, hashes and the order of eviction, by hand-worked cases.
#include "engine/block_manager.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

BlockHash hash_of(int value) {
  BlockHash hash{};
  hash[0] = static_cast<std::byte>(value);
  return hash;
}

// A block that was in use once, published under `value`, and is idle now.
BlockId idle_block(BlockManager& blocks, int value) {
  const BlockId id = blocks.allocate().value();
  blocks.publish(id, hash_of(value));
  blocks.release(id);
  return id;
}

TEST(BlockManager, GivesEachBlockOnceThenNone) {
  BlockManager blocks(3);
  std::vector<bool> given(3, false);
  for (int i = 0; i < 3; ++i) {
    const BlockId id = blocks.allocate().value();
    ASSERT_LT(id, 3u);
    EXPECT_FALSE(given[id]);
    EXPECT_EQ(blocks.users(id), 1u);
    given[id] = true;
  }
  EXPECT_EQ(blocks.available(), 0u);
  EXPECT_FALSE(blocks.allocate().has_value());
  blocks.release(1);
  EXPECT_EQ(blocks.available(), 1u);
  EXPECT_EQ(blocks.allocate(), std::optional<BlockId>(1));
}

TEST(BlockManager, HasNothingToGiveWhenEmpty) {
  BlockManager blocks(0);
  EXPECT_FALSE(blocks.allocate().has_value());
  EXPECT_EQ(blocks.size(), 0u);
}

TEST(BlockManager, ComesBackWithItsLastUser) {
  BlockManager blocks(1);
  const BlockId id = blocks.allocate().value();
  blocks.retain(id);
  EXPECT_EQ(blocks.users(id), 2u);
  blocks.release(id);
  EXPECT_EQ(blocks.available(), 0u);
  EXPECT_FALSE(blocks.allocate().has_value());
  blocks.release(id);
  EXPECT_EQ(blocks.available(), 1u);
}

TEST(BlockManager, FindsWhatWasPublishedInUseAndIdle) {
  BlockManager blocks(2);
  const BlockId id = blocks.allocate().value();
  EXPECT_FALSE(blocks.find(hash_of(1)).has_value());
  blocks.publish(id, hash_of(1));
  EXPECT_EQ(blocks.find(hash_of(1)), std::optional(id));
  blocks.release(id);
  EXPECT_EQ(blocks.find(hash_of(1)), std::optional(id));
  blocks.retain(id);
  EXPECT_EQ(blocks.users(id), 1u);
  EXPECT_EQ(blocks.available(), 1u) << "retained, it is no longer to be had";
}

TEST(BlockManager, TakesFreeBlocksBeforePublishedOnes) {
  BlockManager blocks(2);
  const BlockId published = idle_block(blocks, 1);
  EXPECT_NE(blocks.allocate(), std::optional(published));
  EXPECT_TRUE(blocks.find(hash_of(1)).has_value());
}

TEST(BlockManager, EvictsTheLeastRecentlyUsed) {
  BlockManager blocks(3);
  const BlockId first = idle_block(blocks, 1);
  const BlockId second = idle_block(blocks, 2);
  const BlockId third = idle_block(blocks, 3);
  blocks.retain(first);  // used again: now the most recent
  blocks.release(first);
  EXPECT_EQ(blocks.allocate(), std::optional(second));
  EXPECT_FALSE(blocks.find(hash_of(2)).has_value());
  EXPECT_EQ(blocks.allocate(), std::optional(third));
  EXPECT_EQ(blocks.find(hash_of(1)), std::optional(first));
  EXPECT_EQ(blocks.allocate(), std::optional(first));
  EXPECT_FALSE(blocks.find(hash_of(1)).has_value());
}

TEST(BlockManager, NeverEvictsABlockInUse) {
  BlockManager blocks(2);
  const BlockId used = blocks.allocate().value();
  blocks.publish(used, hash_of(1));
  const BlockId idle = idle_block(blocks, 2);
  EXPECT_EQ(blocks.allocate(), std::optional(idle));
  EXPECT_FALSE(blocks.allocate().has_value());
  EXPECT_EQ(blocks.find(hash_of(1)), std::optional(used));
}

TEST(BlockManager, EvictedBlockIsPublishedAnew) {
  BlockManager blocks(1);
  idle_block(blocks, 1);
  idle_block(blocks, 2);
  EXPECT_FALSE(blocks.find(hash_of(1)).has_value());
  EXPECT_TRUE(blocks.find(hash_of(2)).has_value());
}

TEST(BlockManager, OfTwoBlocksWithOneHashTheFirstIsFound) {
  BlockManager blocks(2);
  const BlockId first = blocks.allocate().value();
  const BlockId second = blocks.allocate().value();
  blocks.publish(first, hash_of(1));
  blocks.publish(second, hash_of(1));
  EXPECT_EQ(blocks.find(hash_of(1)), std::optional(first));
  blocks.release(second);  // was not findable: free at once, nothing is evicted
  EXPECT_EQ(blocks.allocate(), std::optional(second));
  EXPECT_EQ(blocks.find(hash_of(1)), std::optional(first));
}

TEST(BlockManagerDeathTest, RefusesToReleaseOrPublishWhatNobodyUses) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  BlockManager blocks(1);
  EXPECT_DEATH(blocks.release(0), "users");
  EXPECT_DEATH(blocks.publish(0, hash_of(1)), "users");
  EXPECT_DEATH(blocks.retain(0), "hash");
}

}  // namespace
}  // namespace hearth
