#include "platform/cgroup.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace hearth {
namespace {

const std::filesystem::path kRoot = "/sys/fs/cgroup";

// The first number of a file; nullopt for a missing file or "max".
std::optional<std::uint64_t> read_number(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

// The value of a line "key value"; 0 where there is none.
std::uint64_t read_value(const std::filesystem::path& path, const std::string& wanted) {
  std::ifstream file(path);
  std::string key;
  std::uint64_t value = 0;
  while (file >> key >> value) {
    if (key == wanted) return value;
  }
  return 0;
}

}  // namespace

std::vector<std::filesystem::path> own_cgroups() {
  std::string group;
  std::ifstream membership("/proc/self/cgroup");
  for (std::string line; std::getline(membership, line);) {
    if (line.starts_with("0::/")) group = line.substr(4);
  }
  std::vector<std::filesystem::path> groups{kRoot};
  for (const std::filesystem::path& name : std::filesystem::path(group)) {
    groups.push_back(groups.back() / name);
  }
  std::ranges::reverse(groups);
  return groups;
}

std::optional<std::uint64_t> memory_left_in(const std::filesystem::path& group,
                                            const CgroupMemoryFiles& files) {
  const auto limit = read_number(group / files.limit);
  const auto used = read_number(group / files.used);
  if (!limit || !used) return std::nullopt;
  const std::uint64_t held =
      *used - std::min(*used, read_value(group / "memory.stat", files.cache));
  return *limit - std::min(*limit, held);
}

std::optional<std::uint64_t> memory_left_in_cgroups() {
  std::optional<std::uint64_t> left = memory_left_in(kRoot / "memory", kCgroup1Memory);
  for (const std::filesystem::path& group : own_cgroups()) {
    const auto here = memory_left_in(group, kCgroup2Memory);
    if (here) left = left ? std::min(*left, *here) : here;
  }
  return left;
}

}  // namespace hearth
