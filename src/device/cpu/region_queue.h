// RegionQueue: parallel regions in the order they run. A region is a number of jobs that may run at
// once. Each worker takes jobs of its own share, ascending, then of the others', one by one: jobs
// that follow each other read weights that do, and what one has fetched ahead is the next one's.
// The next region begins when the last job is done: a worker that the system does not let run, and
// that has no job in hand, is waited for by nobody.
// Adding allocates nothing once the queue has been as long before. A job is any small trivially
// copyable callable `void(std::size_t job, std::size_t worker) noexcept`; with a member
// `prepare(worker)`, each worker calls that before its first job of the region; with a member
// `fetch(job)`, a worker that is through with the region before calls that for the job it will
// begin with: what the job reads first comes while it waits and prepares.
//
// While recording, each worker notes how long its jobs of a region took (some readings of the
// clock, 25 ns each); times() adds them up by label.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "device/device.h"
#include "platform/thread_pool.h"

namespace hearth {

class RegionQueue {
 public:
  explicit RegionQueue(ThreadPool& pool) : pool_(pool), workers_(pool.size()) {}

  template <typename Job>
  void add(const RegionLabel& label, std::size_t jobs, const Job& job) {
    static_assert(std::is_trivially_copyable_v<Job> && sizeof(Job) <= kJobBytes &&
                  alignof(Job) <= kJobAlignment);
    if (jobs == 0) return;
    Region& region = next_region();
    new (region.storage) Job(job);
    region.label = label;
    region.jobs = jobs;
    region.workers = workers_;
    for (std::size_t w = 0; w < workers_; ++w) {
      region.shares[w].next.store(jobs * w / workers_, std::memory_order_relaxed);
      region.shares[w].end = jobs * (w + 1) / workers_;
    }
    region.done.store(0, std::memory_order_relaxed);
    region.work = work<Job>;
    region.fetch = fetch<Job>;
  }

  // Forgets what was added since the last run: a step that an exception cut short left it there.
  void clear() noexcept { used_ = 0; }

  // Runs everything added since the last run.
  void run() {
    if (used_ == 0) return;
    current_.store(0, std::memory_order_relaxed);
    spans_.assign(recording_ ? used_ * workers_ : 0, {});
    const Clock::time_point begin = recording_ ? Clock::now() : Clock::time_point();
    pool_.share([this](std::size_t worker) { work(worker); }, workers_);
    if (recording_) add_times(begin);
    used_ = 0;
  }

  // From the next run on, this many of the pool's workers, 1 to its size.
  void limit_workers(std::size_t workers) noexcept { workers_ = workers; }

  // Starts (forgetting what was recorded) or stops recording.
  void record(bool on) {
    recording_ = on;
    if (on) times_.clear();
  }
  const std::vector<RegionTime>& times() const noexcept { return times_; }

 private:
  static constexpr std::size_t kJobBytes = 384;  // the largest job, project_qkv's, and room to grow

  static constexpr std::size_t kJobAlignment = 16;  // no job holds vectors

  using Clock = std::chrono::steady_clock;

  struct alignas(64) Share {
    std::atomic<std::size_t> next{0};  // the job to take
    std::size_t end = 0;
  };

  struct Region {
    std::unique_ptr<Share[]> shares;  // [workers]
    std::size_t workers = 0;
    alignas(64) std::atomic<std::size_t> done{0};  // jobs done
    alignas(64) std::size_t jobs = 0;
    RegionLabel label;
    Clock::time_point end;  // while recording: of the last job
    // Takes jobs until there are none; returns how many it did.
    std::size_t (*work)(Region&, std::size_t worker) noexcept = nullptr;
    void (*fetch)(const Region&, std::size_t worker) noexcept = nullptr;
    alignas(kJobAlignment) std::byte storage[kJobBytes];
  };

  template <typename Job>
  static std::size_t work(Region& region, std::size_t worker) noexcept {
    const Job& job = *std::launder(reinterpret_cast<const Job*>(region.storage));
    std::size_t count = 0;
    for (std::size_t i = 0; i < region.workers; ++i) {
      Share& share = region.shares[(worker + i) % region.workers];
      while (share.next.load(std::memory_order_relaxed) < share.end) {
        const std::size_t index = share.next.fetch_add(1, std::memory_order_relaxed);
        if (index >= share.end) break;
        if constexpr (requires { job.prepare(worker); }) {
          if (count == 0) job.prepare(worker);
        }
        job(index, worker);
        ++count;
      }
    }
    return count;
  }

  template <typename Job>
  static void fetch(const Region& region, std::size_t worker) noexcept {
    if constexpr (requires(const Job& job) { job.fetch(worker); }) {
      const Share& share = region.shares[worker];
      const std::size_t first = share.next.load(std::memory_order_relaxed);
      if (first < share.end)
        std::launder(reinterpret_cast<const Job*>(region.storage))->fetch(first);
    }
  }

  // From the region at hand to the last one.
  void work(std::size_t worker) noexcept {
    for (std::uint32_t i = current_.load(std::memory_order_acquire); i < used_;
         i = current_.load(std::memory_order_acquire)) {
      Region& region = *regions_[i];
      const Clock::time_point begin = recording_ ? Clock::now() : Clock::time_point();
      const std::size_t count = region.work(region, worker);
      if (recording_ && count != 0) {
        spans_[i * workers_ + worker] = Clock::now() - begin;
      }
      const bool last =
          count != 0 &&
          region.done.fetch_add(count, std::memory_order_acq_rel) + count == region.jobs;
      if (last) {
        if (recording_) region.end = Clock::now();
        current_.store(i + 1, std::memory_order_release);
        current_.notify_all();
      }
      if (i + 1 < used_) regions_[i + 1]->fetch(*regions_[i + 1], worker);
      if (!last) wait_for_change(current_, i);
    }
  }

  void add_times(Clock::time_point begin) {
    const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
    for (std::size_t i = 0; i < used_; ++i) {
      RegionTime& time = time_of(regions_[i]->label);
      for (std::size_t w = 0; w < workers_; ++w)
        time.busy_seconds += seconds(spans_[i * workers_ + w]) / static_cast<double>(workers_);
      time.seconds += seconds(regions_[i]->end - begin);
      begin = regions_[i]->end;
      ++time.regions;
    }
  }

  RegionTime& time_of(const RegionLabel& label) {
    const auto found =
        std::ranges::find_if(times_, [&](const RegionTime& t) { return t.label == label; });
    if (found != times_.end()) return *found;
    return times_.emplace_back(RegionTime{label});
  }

  Region& next_region() {
    if (used_ == regions_.size()) {
      regions_.push_back(std::make_unique<Region>());
      regions_.back()->shares = std::make_unique<Share[]>(pool_.size());
    }
    return *regions_[used_++];
  }

  ThreadPool& pool_;
  std::vector<std::unique_ptr<Region>> regions_;
  std::size_t used_ = 0;
  std::size_t workers_;
  alignas(64) std::atomic<std::uint32_t> current_{0};  // the region at hand
  alignas(64) bool recording_ = false;
  std::vector<Clock::duration> spans_;  // while recording: [region, worker], of its jobs
  std::vector<RegionTime> times_;
};

}  // namespace hearth
