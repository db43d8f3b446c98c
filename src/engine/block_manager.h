// BlockManager: the blocks of one cache group, by id: free, in use (counted), or published: full,
// immutable, findable by the hash of everything that made it. A published block that nobody uses
// stays findable until its memory is wanted, least recently used first. Knows no device and no
// memory. One thread.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "base/hash.h"
#include "device/device.h"

namespace hearth {

using BlockHash = Sha256Bytes;

class BlockManager {
 public:
  explicit BlockManager(std::size_t blocks);

  // A block with one user, evicting an idle published one if need be; nullopt when all are in use.
  std::optional<BlockId> allocate();
  void retain(BlockId id);
  void release(BlockId id);
  // Makes a block in use findable. When another block has the hash already, that one stays the
  // findable one.
  void publish(BlockId id, const BlockHash& hash);
  // A published block, not retained; nullopt when there is none.
  std::optional<BlockId> find(const BlockHash& hash) const;

  std::size_t users(BlockId id) const noexcept { return blocks_[id].users; }
  std::size_t available() const noexcept { return free_.size() + idle_.size(); }
  std::size_t size() const noexcept { return blocks_.size(); }

 private:
  struct Block {
    std::size_t users = 0;
    std::optional<BlockHash> hash;
    std::list<BlockId>::iterator idle_at;  // valid while users == 0 and hash is set
  };

  std::vector<Block> blocks_;
  std::vector<BlockId> free_;
  std::list<BlockId> idle_;  // published, unused; front: least recently used
  std::map<BlockHash, BlockId> published_;
};

}  // namespace hearth
