// Names of the files of a sharded model: STEM-00002-of-00005.gguf. Pure functions: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hearth {

// More than the largest models are cut into (about 100), less than would tie up file descriptors.
inline constexpr std::uint64_t kGgufShardsMax = 1024;

struct ShardName {
  std::string stem;
  std::uint32_t number;  // 1 to count
  std::uint32_t count;
};

// nullopt when `file_name` is not the name of a shard.
std::optional<ShardName> parse_shard_name(std::string_view file_name);
std::string format_shard_name(const ShardName& name);

}  // namespace hearth
