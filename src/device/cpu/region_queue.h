// RegionQueue: parallel regions in the order they run. A region is a number of jobs that may run at
// once; the workers take jobs one by one, and meet at a barrier before the next region. Adding
// allocates nothing once the queue has been as long before. A job is any small trivially copyable
// callable `void(std::size_t job, std::size_t worker) noexcept`; with a member `prepare(worker)`,
// each worker calls that before its first job of the region.
//
// While recording, each worker notes when it began and ended its jobs of a region (two readings of
// the clock, some 50 ns); times() adds them up by label.
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
  explicit RegionQueue(ThreadPool& pool) : pool_(pool) {}

  template <typename Job>
  void add(const RegionLabel& label, std::size_t jobs, const Job& job) {
    static_assert(std::is_trivially_copyable_v<Job> && sizeof(Job) <= kJobBytes &&
                  alignof(Job) <= kJobAlignment);
    if (jobs == 0) return;
    Region& region = next_region();
    new (region.storage) Job(job);
    region.label = label;
    region.jobs = jobs;
    region.next.store(0, std::memory_order_relaxed);
    region.work = [](Region& r, std::size_t worker) noexcept { work<Job>(r, worker); };
  }

  // Forgets what was added since the last run: a step that an exception cut short left it there.
  void clear() noexcept { used_ = 0; }

  // Runs everything added since the last run.
  void run() {
    if (used_ == 0) return;
    if (recording_) {
      run_recorded();
    } else {
      pool_.run([this](std::size_t worker) {
        for (std::size_t i = 0; i < used_; ++i) {
          if (i != 0) pool_.barrier();
          regions_[i]->work(*regions_[i], worker);
        }
      });
    }
    used_ = 0;
  }

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

  struct Region {
    alignas(64) std::atomic<std::size_t> next{0};  // the job to take
    alignas(64) std::size_t jobs = 0;
    RegionLabel label;
    void (*work)(Region&, std::size_t worker) noexcept = nullptr;
    alignas(kJobAlignment) std::byte storage[kJobBytes];
  };

  template <typename Job>
  static void work(Region& region, std::size_t worker) noexcept {
    const Job& job = *std::launder(reinterpret_cast<const Job*>(region.storage));
    bool prepared = false;
    for (;;) {
      const std::size_t index = region.next.fetch_add(1, std::memory_order_relaxed);
      if (index >= region.jobs) return;
      if constexpr (requires { job.prepare(worker); }) {
        if (!prepared) job.prepare(worker);
        prepared = true;
      }
      job(index, worker);
    }
  }

  struct Span {
    Clock::time_point begin, end;  // of a worker's jobs of a region
  };

  void run_recorded() {
    const std::size_t workers = pool_.size();
    std::vector<Span> spans(used_ * workers);
    pool_.run([&](std::size_t worker) {
      for (std::size_t i = 0; i < used_; ++i) {
        if (i != 0) pool_.barrier();
        Span& span = spans[i * workers + worker];
        span.begin = Clock::now();
        regions_[i]->work(*regions_[i], worker);
        span.end = Clock::now();
      }
    });
    const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
    for (std::size_t i = 0; i < used_; ++i) {
      RegionTime& time = time_of(regions_[i]->label);
      Clock::time_point begin = spans[i * workers].begin, end = spans[i * workers].end;
      for (std::size_t w = 0; w < workers; ++w) {
        const Span& span = spans[i * workers + w];
        begin = std::min(begin, span.begin);
        end = std::max(end, span.end);
        time.busy_seconds += seconds(span.end - span.begin) / static_cast<double>(workers);
      }
      // A region lasts until the next one begins: the barrier belongs to it.
      if (i + 1 < used_) end = std::max(end, spans[(i + 1) * workers].begin);
      time.seconds += seconds(end - begin);
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
    if (used_ == regions_.size()) regions_.push_back(std::make_unique<Region>());
    return *regions_[used_++];
  }

  ThreadPool& pool_;
  std::vector<std::unique_ptr<Region>> regions_;
  std::size_t used_ = 0;
  bool recording_ = false;
  std::vector<RegionTime> times_;
};

}  // namespace hearth
