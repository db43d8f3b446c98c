#include "platform/cpu.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <thread>

#include "platform/cgroup.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace hearth {
namespace {

#if defined(__x86_64__)

struct Registers {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(std::uint32_t leaf, std::uint32_t subleaf) noexcept {
  Registers r;
  if (!__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx)) return {};
  return r;
}

// XCR0 tells which register files the operating system saves; only valid if OSXSAVE is set.
std::uint64_t saved_register_files() noexcept {
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

bool has(std::uint32_t word, unsigned bit) noexcept { return (word >> bit & 1u) != 0; }

CpuFeatures detect() noexcept {
  CpuFeatures features;
  const Registers leaf1 = cpuid(1, 0);
  if (!has(leaf1.ecx, 27)) return features;  // OSXSAVE
  const std::uint64_t saved = saved_register_files();
  const bool ymm = (saved & 0x06) == 0x06;  // XMM and YMM
  const bool zmm = (saved & 0xe6) == 0xe6;  // and opmask, upper halves, ZMM16-31
  const Registers leaf7 = cpuid(7, 0);
  const Registers leaf71 = cpuid(7, 1);
  const bool fma = has(leaf1.ecx, 12), f16c = has(leaf1.ecx, 29), avx = has(leaf1.ecx, 28);
  features.avx2 = ymm && avx && fma && f16c && has(leaf7.ebx, 5);
  features.avx_vnni = features.avx2 && has(leaf71.eax, 4);
  const bool f = has(leaf7.ebx, 16), dq = has(leaf7.ebx, 17), bw = has(leaf7.ebx, 30);
  features.avx512 = features.avx2 && zmm && f && dq && bw && has(leaf7.ebx, 31);
  features.avx512_vnni = features.avx512 && has(leaf7.ecx, 11);
  features.avx512_bf16 = features.avx512 && has(leaf71.eax, 5);
  return features;
}

std::string brand() {
  if (cpuid(0x80000000u, 0).eax < 0x80000004u) return {};
  std::string text;
  for (std::uint32_t leaf = 0x80000002u; leaf <= 0x80000004u; ++leaf) {
    const Registers r = cpuid(leaf, 0);
    char part[16];
    std::memcpy(part, &r, sizeof part);
    text.append(part, sizeof part);
  }
  return text.substr(0, text.find('\0'));
}

#else

CpuFeatures detect() noexcept { return {}; }
std::string brand() { return {}; }

#endif

std::size_t cores_of_affinity() {
  // The set grows until the kernel's fits: 1024 CPUs first, at most 1024 * 2^6.
  for (int cpus = 1024; cpus <= 65536; cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(cpus);
    const bool ok = sched_getaffinity(0, bytes, set) == 0;
    const int count = ok ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return static_cast<std::size_t>(count);
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

std::string first_line(const std::filesystem::path& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

// The tightest quota of this process's control groups (version 2); 0: none.
std::size_t cores_of_cgroup2() {
  std::size_t cores = 0;
  for (const std::filesystem::path& group : own_cgroups()) {
    const std::size_t here = cores_of_quota(first_line(group / "cpu.max"));
    if (here != 0) cores = cores == 0 ? here : std::min(cores, here);
  }
  return cores;
}

std::size_t cores_of_cgroup1() {
  const std::string quota = first_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  const std::string period = first_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  return cores_of_quota(quota + " " + period);
}

}  // namespace

const CpuFeatures& cpu_features() noexcept {
  static const CpuFeatures features = detect();
  return features;
}

std::string cpu_brand() {
  const std::string text = brand();
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return "unknown processor";
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

std::size_t cores_of_quota(const std::string& cpu_max) noexcept {
  std::uint64_t quota = 0, period = 0;
  const char* const end = cpu_max.data() + cpu_max.size();
  const auto first = std::from_chars(cpu_max.data(), end, quota);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return 0;
  const auto second = std::from_chars(first.ptr + 1, end, period);
  if (second.ec != std::errc() || quota == 0 || period == 0) return 0;
  return static_cast<std::size_t>(quota / period + (quota % period != 0 ? 1 : 0));
}

std::size_t usable_cores() {
  std::size_t cores = cores_of_affinity();
  for (const std::size_t quota : {cores_of_cgroup2(), cores_of_cgroup1()})
    if (quota != 0) cores = std::min(cores, quota);
  return std::max<std::size_t>(1, cores);
}

}  // namespace hearth
