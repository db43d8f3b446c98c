// The CPU Device: packed weights, paged caches, a pool of threads. Operations are queued as regions
// of parallel jobs; finish() runs them in order: workers take jobs one by one, and the next region
// begins when the last job is done.
//
// A decode layer is five regions: qkv (norm, conversion, products, rope and cache write), attend
// (two when the context is cut into several partitions), output + residual, gate·up + activation,
// down + residual. With one row, each worker norms and converts the row itself instead of waiting
// for another to do it; with more, that is a region of its own.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "device/cpu/cpu_resources.h"
#include "device/cpu/region_queue.h"
#include "device/cpu/worker_memory.h"
#include "device/device.h"
#include "kernels/elementwise/elementwise.h"

namespace hearth {

// The rows a product reads, normed and converted to each format its weights ask for.
struct Activations {
  static constexpr std::size_t kFormats = kActivationFormats;

  const float* x = nullptr;  // [rows, cols], x_stride floats apart
  std::size_t x_stride = 0;
  std::size_t cols = 0;
  RmsNorm norm;  // none: x as it is
  const ElementwiseKernel* elementwise = nullptr;
  const WorkerMemory* memory = nullptr;
  std::array<const ActivationKernel*, kFormats> kernels{};  // null: no weight wants the format
  std::array<std::byte*, kFormats>
      shared{};  // [rows] converted rows; null: each worker has its own
  std::array<std::size_t, kFormats> private_offset{};

  // Norms and converts one row, on a worker, to where converted() finds it.
  void convert(std::size_t row, std::size_t worker) const noexcept;
  const std::byte* converted(ActivationFormat format, std::size_t row,
                             std::size_t worker) const noexcept;
  std::size_t bytes(ActivationFormat format) const noexcept;  // of one converted row
  bool is_private() const noexcept;
};

// How a product is cut into jobs: blocks of rows by groups of units; a unit is a number of panels.
struct Cut {
  std::size_t units = 0, units_per_group = 0, groups = 0;
  std::size_t rows = 0, rows_per_block = 0, row_blocks = 0;

  std::size_t jobs() const noexcept { return row_blocks * groups; }
  // Of job j: units [first_unit, end_unit), rows [first_row, end_row).
  struct Range {
    std::size_t first_unit, end_unit, first_row, end_row;
    std::size_t rows() const noexcept { return end_row - first_row; }
  };
  Range range(std::size_t job) const noexcept;
};

class CpuDevice final : public Device {
 public:
  CpuDevice(Isa isa, const DeviceOptions& options);

  std::string_view name() const noexcept override { return name_; }
  Isa isa() const noexcept override { return isa_; }
  std::vector<std::unique_ptr<Weight>> load(std::span<const WeightSource> sources,
                                            const WeightLoading& how) override;
  std::unique_ptr<Buffer> make_buffer(std::size_t rows, std::size_t cols) override;
  std::unique_ptr<CacheGroup> make_cache(const CacheShape& shape, std::size_t blocks) override;
  std::size_t cache_block_bytes(const CacheShape& shape) const override;
  void finish() override;

  void embed(const Weight& table, float scale, Buffer& out) override;
  void norm(const Buffer& x, const RmsNorm& norm, Buffer& out) override;
  void project(const Buffer& x, const Linear& linear, Buffer& out) override;
  void head_norm(Buffer& x, const RmsNorm& norm) override;
  void rope(Buffer& x, const Rope& rope, std::size_t head_dim) override;
  void store(const Buffer& k, const Buffer& v, CacheGroup& cache, std::size_t group_index,
             std::size_t layer) override;
  void attend(const AttendArguments& arguments) override;
  void activate(const Buffer& gate, const Buffer& up, GateActivation activation,
                Buffer& out) override;
  void add(const Buffer& a, const Buffer& b, Buffer& out) override;
  void gather(const Buffer& x, std::span<const std::size_t> rows, Buffer& out) override;

  void project_qkv(const QkvArguments& arguments) override;
  void project_add(const Buffer& x, const Linear& linear, Buffer& scratch,
                   Buffer& residual) override;
  void gated(const GatedArguments& arguments) override;
  void norm_add(Buffer& x, const RmsNorm& norm, Buffer& residual) override;

  std::span<const float> read(const Buffer& buffer, std::size_t row) const override;
  void record_regions(bool on) override { queue_.record(on); }
  std::span<const RegionTime> region_times() const override { return queue_.times(); }

 protected:
  void on_begin() override;

 private:
  // cos [pairs], sin [pairs] of each row of the step.
  struct RopeTable {
    const Rope* rope;
    PageBuffer memory;
  };

  // Queues the conversion of x for products with these weights (or leaves it to each worker).
  Activations activations(const Buffer& x, const RmsNorm& norm,
                          std::span<const Weight* const> weights);
  Cut cut(std::size_t units, const Activations& in, ActivationFormat format) const noexcept;
  void reserve_products(std::span<const Weight* const> weights, std::size_t out_floats);
  const float* rope_table(const Rope& rope);
  // Makes `memory` hold at least `bytes`. What was there stays alive until finish(): queued jobs
  // point into it.
  void grow(PageBuffer& memory, std::size_t bytes);

  Isa isa_;
  bool in_place_;
  bool fast_;
  std::size_t decode_threads_;  // 0: all
  ThreadPool pool_;
  RegionQueue queue_;
  WorkerMemory memory_;
  const ElementwiseKernel& elementwise_;
  std::string name_;
  std::array<PageBuffer, Activations::kFormats> converted_;  // shared rows
  PageBuffer partials_;  // of attention, when partitions are jobs
  std::vector<RopeTable> rope_tables_;
  std::size_t rope_tables_used_ = 0;  // in this step
  std::vector<PageBuffer> outgrown_;
};

std::unique_ptr<Device> make_cpu_device(Isa isa, const DeviceOptions& options);

}  // namespace hearth
