#include "engine/block_manager.h"

#include "base/check.h"

namespace hearth {

BlockManager::BlockManager(std::size_t blocks) : blocks_(blocks) {
  for (std::size_t id = blocks; id > 0; --id) free_.push_back(static_cast<BlockId>(id - 1));
}

std::optional<BlockId> BlockManager::allocate() {
  BlockId id;
  if (!free_.empty()) {
    id = free_.back();
    free_.pop_back();
  } else if (!idle_.empty()) {
    id = idle_.front();
    idle_.pop_front();
    published_.erase(*blocks_[id].hash);
    blocks_[id].hash.reset();
  } else {
    return std::nullopt;
  }
  blocks_[id].users = 1;
  return id;
}

void BlockManager::retain(BlockId id) {
  Block& block = blocks_[id];
  if (block.users++ == 0) {
    CHECK(block.hash.has_value());
    idle_.erase(block.idle_at);
  }
}

void BlockManager::release(BlockId id) {
  Block& block = blocks_[id];
  CHECK(block.users > 0);
  if (--block.users > 0) return;
  if (block.hash) {
    block.idle_at = idle_.insert(idle_.end(), id);
  } else {
    free_.push_back(id);
  }
}

void BlockManager::publish(BlockId id, const BlockHash& hash) {
  Block& block = blocks_[id];
  CHECK(block.users > 0 && !block.hash);
  if (published_.emplace(hash, id).second) block.hash = hash;
}

std::optional<BlockId> BlockManager::find(const BlockHash& hash) const {
  const auto found = published_.find(hash);
  if (found == published_.end()) return std::nullopt;
  return found->second;
}

}  // namespace hearth
