// What the CPU Device's handles really are: packed weights, padded f32 buffers, paged caches.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "device/device.h"
#include "kernels/attention/attention.h"
#include "kernels/matmul/matmul.h"
#include "platform/memory.h"

namespace hearth {

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) noexcept {
  return (value + multiple - 1) / multiple * multiple;
}

struct CpuWeight final : Weight {
  explicit CpuWeight(const WeightSource& source)
      : Weight(source.rows, source.cols), type(source.type) {}

  std::size_t panels() const noexcept {
    return (rows() + kernel->panel_rows - 1) / kernel->panel_rows;
  }
  const std::byte* panel(std::size_t index) const noexcept { return data + index * panel_bytes; }
  const float* vector() const noexcept { return reinterpret_cast<const float*>(data); }

  DType type;
  const MatmulKernel* kernel = nullptr;  // kMatrix
  std::size_t panel_bytes = 0;           // kMatrix
  // kEmbedding: the file's rows. kMatrix: panels. kVector: f32 [cols], padded with zeros to 16.
  const std::byte* data = nullptr;
  std::shared_ptr<const void> memory;  // what keeps `data`; none: the file does
};

// Rows are 64-byte aligned and padded to a whole number of panels, so that kernels may write whole
// vectors.
struct CpuBuffer final : Buffer {
  static constexpr std::size_t kPadFloats = 64;

  CpuBuffer(std::size_t rows, std::size_t cols)
      : Buffer(rows, cols), stride(padded(cols)), memory(rows * stride * sizeof(float)) {}

  float* row(std::size_t index) const noexcept {
    return reinterpret_cast<float*>(memory.data()) + index * stride;
  }

  // A stride that is a multiple of 4 KiB would put all rows into the same cache sets.
  static std::size_t padded(std::size_t cols) noexcept {
    const std::size_t stride = round_up(cols, kPadFloats);
    return stride * sizeof(float) % 4096 == 0 ? stride + kPadFloats : stride;
  }

  std::size_t stride;  // floats
  PageBuffer memory;
};

// [block][layer][kv_head]: one kernel block (keys and values of kBlockPositions positions) each.
struct CpuCache final : CacheGroup {
  CpuCache(const CacheShape& cache_shape, const AttentionKernel& attention, std::size_t blocks)
      : CacheGroup(cache_shape),
        kernel(attention),
        head_block_bytes(attention.block_bytes(cache_shape.head_dim)),
        block_bytes(cache_shape.layers * cache_shape.kv_heads * head_block_bytes),
        memory(blocks * block_bytes) {}

  std::byte* head_block(BlockId block, std::size_t layer, std::size_t kv_head) const noexcept {
    return memory.data() + block * block_bytes +
           (layer * shape().kv_heads + kv_head) * head_block_bytes;
  }

  const AttentionKernel& kernel;
  std::size_t head_block_bytes;
  std::size_t block_bytes;
  PageBuffer memory;
};

inline CpuWeight& cpu(Weight& w) noexcept { return static_cast<CpuWeight&>(w); }
inline const CpuWeight& cpu(const Weight& w) noexcept { return static_cast<const CpuWeight&>(w); }
inline const CpuBuffer& cpu(const Buffer& b) noexcept { return static_cast<const CpuBuffer&>(b); }
inline const CpuCache& cpu(const CacheGroup& c) noexcept { return static_cast<const CpuCache&>(c); }

}  // namespace hearth
