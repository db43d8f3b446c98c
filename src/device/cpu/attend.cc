// Attention over the paged cache: tiles of queries by kv heads are jobs; in decode, partitions of
// the keys are jobs too, and their states are merged by a region of their own, in the same order as
// one job would.
#include <algorithm>

#include "base/check.h"
#include "device/cpu/cpu_device.h"

namespace hearth {
namespace {

// Query rows of one job: with 3 to 6 heads of a group that is 48 to 96 queries for every key
// loaded.
constexpr std::size_t kTileRows = 16;
// A tile this small has its partitions spread over the workers.
constexpr std::size_t kSplitRows = 1;
constexpr std::size_t kPartitionBlocks = kPartitionPositions / kBlockPositions;

// State of a tile: max [queries], sum [queries], acc [queries, head_dim].
struct State {
  float* max;
  float* sum;
  float* acc;

  static std::size_t floats(std::size_t queries, std::size_t head_dim) noexcept {
    return queries * (2 + head_dim);
  }
  static State at(float* memory, std::size_t queries) noexcept {
    return {memory, memory + queries, memory + 2 * queries};
  }
};

struct Tile {
  std::size_t first_row, rows, position;  // row and position of its first query
  std::span<const BlockId> table;
  std::size_t first_partition, partitions;
};

struct AttendJob {
  const SequenceRows* sequences;
  std::size_t group_index;
  const CpuCache* cache;
  const CpuBuffer* q;
  const CpuBuffer* out;
  const WorkerMemory* memory;
  std::size_t layer;
  std::size_t group;  // query heads per kv head
  float scale;
  float* partials = nullptr;       // split: [tile][kv_head][partition] states
  std::size_t partitions_max = 1;  // split: jobs per (tile, kv head)
  std::size_t stride = 1;          // split: jobs from one of a worker's to its next

  // Tiles are numbered through all sequences.
  Tile tile(std::size_t index) const noexcept {
    const SequenceRows* s = sequences;
    for (;; ++s) {
      const std::size_t tiles = (s->rows + kTileRows - 1) / kTileRows;
      if (index < tiles) break;
      index -= tiles;
    }
    const std::size_t first = index * kTileRows;
    Tile t{s->first_row + first,
           std::min(kTileRows, s->rows - first),
           s->first_position + first,
           s->tables[group_index],
           0,
           0};
    const std::size_t window = cache->shape().window;
    const std::size_t first_key = window != 0 && t.position >= window ? t.position - window + 1 : 0;
    t.first_partition = first_key / kPartitionPositions;
    t.partitions = (t.position + t.rows - 1) / kPartitionPositions + 1 - t.first_partition;
    return t;
  }

  // Blocks the window has passed for every row of the tile may be gone: any other block stands in,
  // unread.
  const std::byte* block_at(const Tile& t, std::size_t kv_head, std::size_t index) const noexcept {
    const std::size_t window = cache->shape().window;
    const std::size_t first_key = window != 0 && t.position >= window ? t.position - window + 1 : 0;
    const std::size_t live = std::max(index, first_key / kBlockPositions);
    return cache->head_block(t.table[live], layer, kv_head);
  }

  // The first block of what the same worker likely does after this partition: one of the same
  // head's or the next one's.
  const std::byte* next_block(const Tile& t, std::size_t kv_head,
                              std::size_t partition) const noexcept {
    std::size_t later = partition - t.first_partition + stride;
    if (later >= t.partitions) {
      later -= t.partitions;
      ++kv_head;
    }
    if (later >= t.partitions || kv_head == cache->shape().kv_heads) return nullptr;
    return block_at(t, kv_head, (t.first_partition + later) * kPartitionBlocks);
  }

  // From empty: the state of tile and kv head over one partition.
  void attend(const Tile& t, std::size_t kv_head, std::size_t partition,
              const State& state) const noexcept {
    const CacheShape& shape = cache->shape();
    const std::size_t begin = partition * kPartitionPositions;
    const std::size_t end = std::min(begin + kPartitionPositions, t.position + t.rows);
    const std::byte* blocks[kPartitionBlocks];
    for (std::size_t b = begin / kBlockPositions; b * kBlockPositions < end; ++b) {
      blocks[b - begin / kBlockPositions] = block_at(t, kv_head, b);
    }
    cache->kernel.attend({.queries = q->row(t.first_row) + kv_head * group * shape.head_dim,
                          .query_stride = q->stride,
                          .rows = t.rows,
                          .first_position = t.position,
                          .group = group,
                          .head_dim = shape.head_dim,
                          .blocks = blocks,
                          .key_begin = begin,
                          .key_end = end,
                          .window = shape.window,
                          .scale = scale,
                          .max = state.max,
                          .sum = state.sum,
                          .acc = state.acc,
                          .next = next_block(t, kv_head, partition)});
  }

  void merge(const State& state, const State& later, std::size_t queries) const noexcept {
    const std::size_t head_dim = cache->shape().head_dim;
    for (std::size_t i = 0; i < queries; ++i) {
      cache->kernel.merge({&state.max[i], &state.sum[i], state.acc + i * head_dim},
                          {&later.max[i], &later.sum[i], later.acc + i * head_dim}, head_dim);
    }
  }

  void finish(const Tile& t, std::size_t kv_head, const State& state) const noexcept {
    const std::size_t head_dim = cache->shape().head_dim;
    for (std::size_t i = 0; i < t.rows * group; ++i) {
      float* to = out->row(t.first_row + i / group) + (kv_head * group + i % group) * head_dim;
      cache->kernel.finish(state.acc + i * head_dim, state.sum[i], head_dim, to);
    }
  }

  // Whole tiles: one job goes through all partitions, ascending.
  void operator()(std::size_t job, std::size_t worker) const noexcept {
    const std::size_t kv_heads = cache->shape().kv_heads;
    const Tile t = tile(job / kv_heads);
    const std::size_t queries = t.rows * group;
    auto* memory_of_worker = memory->get<float>(Area::kState, worker);
    const State state = State::at(memory_of_worker, queries);
    const State later =
        State::at(memory_of_worker + State::floats(queries, cache->shape().head_dim), queries);
    for (std::size_t p = 0; p < t.partitions; ++p) {
      attend(t, job % kv_heads, t.first_partition + p, p == 0 ? state : later);
      if (p != 0) merge(state, later, queries);
    }
    finish(t, job % kv_heads, state);
  }

  // Split: where the state of a (tile, kv head) and partition stands.
  State partial(std::size_t tile_and_head, std::size_t partition,
                std::size_t queries) const noexcept {
    const std::size_t floats = State::floats(kSplitRows * group, cache->shape().head_dim);
    return State::at(partials + (tile_and_head * partitions_max + partition) * floats, queries);
  }
};

struct SplitJob : AttendJob {
  void operator()(std::size_t job, std::size_t) const noexcept {
    const std::size_t tile_and_head = job / partitions_max;
    const std::size_t partition = job % partitions_max;
    const std::size_t kv_heads = cache->shape().kv_heads;
    const Tile t = tile(tile_and_head / kv_heads);
    if (partition >= t.partitions) return;
    attend(t, tile_and_head % kv_heads, t.first_partition + partition,
           partial(tile_and_head, partition, t.rows * group));
  }
};

struct MergeJob : AttendJob {
  void operator()(std::size_t job, std::size_t) const noexcept {
    const std::size_t kv_heads = cache->shape().kv_heads;
    const Tile t = tile(job / kv_heads);
    const std::size_t queries = t.rows * group;
    const State state = partial(job, 0, queries);
    for (std::size_t p = 1; p < t.partitions; ++p) merge(state, partial(job, p, queries), queries);
    finish(t, job % kv_heads, state);
  }
};

}  // namespace

void CpuDevice::store(const Buffer& k, const Buffer& v, CacheGroup& cache, std::size_t group_index,
                      std::size_t layer) {
  const CpuCache* target = &cpu(cache);
  const CpuBuffer* keys = &cpu(k);
  const CpuBuffer* values = &cpu(v);
  const SequenceRows* sequences = step().sequences.data();
  queue_.add({"store"}, step_rows(), [=](std::size_t row, std::size_t) noexcept {
    const SequenceRows* s = sequences;
    while (row >= s->first_row + s->rows) ++s;
    const CacheShape& shape = target->shape();
    const std::size_t position = s->first_position + row - s->first_row;
    const BlockId block = s->tables[group_index][position / kBlockPositions];
    for (std::size_t h = 0; h < shape.kv_heads; ++h) {
      target->kernel.store(target->head_block(block, layer, h), position % kBlockPositions,
                           shape.head_dim, keys->row(row) + h * shape.head_dim,
                           values->row(row) + h * shape.head_dim);
    }
  });
}

void CpuDevice::attend(const AttendArguments& a) {
  const CpuCache* cache = &cpu(*a.cache);
  const CacheShape& shape = cache->shape();
  AttendJob job{.sequences = step().sequences.data(),
                .group_index = a.group_index,
                .cache = cache,
                .q = &cpu(*a.q),
                .out = &cpu(*a.out),
                .memory = &memory_,
                .layer = a.layer,
                .group = a.q->cols() / shape.head_dim / shape.kv_heads,
                .scale = a.scale};
  std::size_t tiles = 0;
  std::size_t rows_max = 0;
  for (const SequenceRows& s : step().sequences) {
    const std::size_t count = (s.rows + kTileRows - 1) / kTileRows;
    for (std::size_t i = 0; i < count; ++i) {
      job.partitions_max = std::max(job.partitions_max, job.tile(tiles + i).partitions);
    }
    tiles += count;
    rows_max = std::max(rows_max, s.rows);
  }
  const std::size_t heads = tiles * shape.kv_heads;
  if (rows_max <= kSplitRows && job.partitions_max > 1 && pool_.size() > 1) {
    const std::size_t floats = State::floats(kSplitRows * job.group, shape.head_dim);
    const std::size_t bytes = heads * job.partitions_max * floats * sizeof(float);
    grow(partials_, bytes);
    job.stride = pool_.size();
    job.partials = reinterpret_cast<float*>(partials_.data());
    queue_.add({"attend"}, heads * job.partitions_max, SplitJob{job});
    queue_.add({"attend, merge"}, heads, MergeJob{job});
    return;
  }
  const std::size_t queries = std::min(kTileRows, rows_max) * job.group;
  memory_.reserve(Area::kState, 2 * State::floats(queries, shape.head_dim) * sizeof(float));
  queue_.add({"attend"}, heads, job);
}

}  // namespace hearth
