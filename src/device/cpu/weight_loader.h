// WeightLoader: from a model's weights as a file has them to CpuWeights: first where each will
// stand in one stretch of memory, then the bytes, from an image or packed on all workers. One load
// each; the calling thread owns it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "device/cpu/cpu_resources.h"
#include "platform/thread_pool.h"

namespace hearth {

class WeightLoader {
 public:
  // in_place: matrices whose kernel reads the file's rows stay where they are. fast: kernels that
  // round the weights are welcome.
  WeightLoader(std::span<const WeightSource> sources, Isa isa, bool in_place, bool fast);

  // Fills the weights; `image` may be null. on_read as WeightLoading has it.
  std::vector<std::unique_ptr<Weight>> load(ThreadPool& pool, const WeightLoading& how);

 private:
  struct Placed {
    std::unique_ptr<CpuWeight> weight;
    std::size_t offset = 0;
    std::size_t bytes = 0;  // 0: it stays in the file
  };
  // Some panels of a matrix, or a whole vector.
  struct Job {
    std::size_t index, first_panel, end_panel;
  };

  std::size_t place(const WeightSource& source, CpuWeight& weight) const;
  Sha256Bytes key(const std::string& model) const;
  std::vector<Job> jobs() const;
  void pack(ThreadPool& pool, std::byte* to, const WeightLoading& how) const;
  std::span<const std::byte> pack(const Job& job, std::byte* to) const noexcept;
  std::vector<std::unique_ptr<Weight>> stand(std::shared_ptr<const void> memory,
                                             const std::byte* at);

  std::span<const WeightSource> sources_;
  Isa isa_;
  bool in_place_;
  bool fast_;
  std::vector<Placed> placed_;
  std::size_t bytes_ = 0;
};

}  // namespace hearth
