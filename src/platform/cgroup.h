// The control groups this process is in: what a container or a service manager allows it. Reads
// /proc and /sys each time; pure otherwise, any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace hearth {

// Directories of the groups of version 2, from this process's own up to the root; only the root
// where there is no version 2.
std::vector<std::filesystem::path> own_cgroups();

// Bytes of memory the tightest of the groups still leaves: those of version 2, and the root of
// version 1, which is a container's own. nullopt: no limit. Page cache that the kernel drops under
// pressure is not counted as used.
std::optional<std::uint64_t> memory_left_in_cgroups();

// The same for one group's directory: `limit` and `used` are its files, `cache` a key of its
// memory.stat.
struct CgroupMemoryFiles {
  const char* limit;
  const char* used;
  const char* cache;
};
inline constexpr CgroupMemoryFiles kCgroup2Memory{"memory.max", "memory.current", "inactive_file"};
inline constexpr CgroupMemoryFiles kCgroup1Memory{"memory.limit_in_bytes", "memory.usage_in_bytes",
                                                  "total_inactive_file"};
std::optional<std::uint64_t> memory_left_in(const std::filesystem::path& group,
                                            const CgroupMemoryFiles& files);

}  // namespace hearth
