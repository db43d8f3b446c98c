#include "platform/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/exhausted.h"
#include "platform/cgroup.h"

namespace hearth {
namespace {

constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

std::uint64_t system_available_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  std::uint64_t kib = 0;
  std::string unit;
  while (meminfo >> key >> kib >> unit) {
    if (key == "MemAvailable:") return kib * 1024;
  }
  return std::numeric_limits<std::uint64_t>::max();
}

}  // namespace

PageBuffer::PageBuffer(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  map_bytes_ = bytes + kHugePageBytes;
  map_ = mmap(nullptr, map_bytes_, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map_ == MAP_FAILED) {
    map_ = nullptr;
    throw ShortageError(ShortageError::Of::kMemory,
                        "the system refused " + std::to_string(bytes >> 20) +
                            " MiB of memory; close other programs, "
                            "take a smaller model or a shorter context");
  }
  const auto address = reinterpret_cast<std::uintptr_t>(map_);
  const std::uintptr_t aligned = (address + kHugePageBytes - 1) & ~(kHugePageBytes - 1);
  data_ = reinterpret_cast<std::byte*>(aligned);
  // The first 2 MiB are by small pages: a buffer made for 512 rows mostly holds one.
  madvise(data_, std::min(bytes, kHugePageBytes), MADV_NOHUGEPAGE);
  if (bytes > kHugePageBytes)
    madvise(data_ + kHugePageBytes, bytes - kHugePageBytes, MADV_HUGEPAGE);
}

PageBuffer::~PageBuffer() {
  if (map_ != nullptr) munmap(map_, map_bytes_);
}

std::uint64_t available_memory_bytes() {
  const std::uint64_t available = system_available_bytes();
  return std::min(available, memory_left_in_cgroups().value_or(available));
}

std::uint64_t resident_memory_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t all_pages = 0, resident_pages = 0;
  if (!(statm >> all_pages >> resident_pages)) return 0;
  return resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace hearth
