// Device: where a model's weights and caches live and its operations run. A backend is a Device,
// not a graph.
//
// Operations enqueue and return nothing; only finish() runs what is queued, waits and reports.
// Everything a queued operation was given (buffers, weights, the Step's spans) must live until
// then. Nothing above a Device touches a weight's bytes or a cache block's address. Buffers hold
// f32, [rows, cols]; an operation works on the first step_rows() rows unless it says otherwise.
//
// Plain operations are pure virtual. Fused ones have a default that is made of plain ones, which is
// what they mean; a Device may override them, and tests hold the two against each other. One thread
// uses a Device at a time; one other may make resources of it meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/attention/attention.h"
#include "tensor/dtype.h"

namespace hearth {

using BlockId = std::uint32_t;

// How a weight is used; a Device lays it out for that.
enum class WeightUse : std::uint8_t {
  kMatrix,     // [rows, cols], multiplied with
  kEmbedding,  // [rows, cols], rows looked up
  kVector,     // [cols], kept as f32: norms, biases
};

// Where a Device takes a weight's bytes from, while load() runs (kEmbedding, and everything with
// DeviceOptions::in_place: as long as the Weight lives).
struct WeightSource {
  DType type;
  std::size_t rows;
  std::size_t cols;
  const std::byte* bytes;  // row-major, as the file has it
  WeightUse use;
};

// A file that keeps weights as a Device lays them out: the next load() maps it.
struct WeightImage {
  std::filesystem::path path;
  std::string model;  // what the weights are; an image of anything else is not taken
};

struct WeightLoading {
  // Bytes of a source that load() is done with, in parts that may overlap by a page; any thread,
  // several at a time. May be empty.
  std::function<void(std::span<const std::byte>)> on_read = {};
  const WeightImage* image = nullptr;  // none: neither looked for nor made
};

class Weight {
 public:
  Weight(std::size_t rows, std::size_t cols) : rows_(rows), cols_(cols) {}
  virtual ~Weight() = default;
  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }

 private:
  std::size_t rows_;
  std::size_t cols_;
};

class Buffer {
 public:
  Buffer(std::size_t rows, std::size_t cols) : rows_(rows), cols_(cols) {}
  virtual ~Buffer() = default;
  std::size_t rows() const noexcept { return rows_; }
  std::size_t cols() const noexcept { return cols_; }

 private:
  std::size_t rows_;
  std::size_t cols_;
};

struct CacheShape {
  std::size_t layers = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;
  std::size_t window = 0;  // positions a row sees, its own included; 0: all
  CacheTypes types;        // of keys and of values
};

// Layers that share block tables and lifetime. A block holds kBlockPositions positions of all its
// layers.
class CacheGroup {
 public:
  explicit CacheGroup(const CacheShape& shape) : shape_(shape) {}
  virtual ~CacheGroup() = default;
  const CacheShape& shape() const noexcept { return shape_; }

 private:
  CacheShape shape_;
};

// A run of rows of one sequence in a step: consecutive positions.
struct SequenceRows {
  std::size_t first_row;
  std::size_t rows;
  std::size_t first_position;
  // Per cache group: the blocks of positions 0, 32, 64, … Entries a window has passed may be stale;
  // they are not read.
  std::vector<std::span<const BlockId>> tables;
};

struct StepInput {
  std::span<const std::int32_t> tokens;  // [rows]
  std::span<const SequenceRows> sequences;
};

// Angles: position * inverse_frequency[i] turns pair i; cos and sin are multiplied by magnitude.
struct Rope {
  std::vector<double> inverse_frequency;  // [pairs]
  double magnitude = 1.0;
  bool neox = false;  // pairs (i, i + pairs), else (2i, 2i + 1)
};

struct Linear {
  const Weight* weight = nullptr;
  const Weight* bias = nullptr;  // [weight->rows()], or none
};

struct RmsNorm {
  const Weight* weight = nullptr;  // none: no normalization
  float epsilon = 0;
};

enum class GateActivation : std::uint8_t { kSilu, kGelu };

// One layer's way from the residual stream to queries, and to keys and values in the cache.
struct QkvArguments {
  const Buffer* x;
  RmsNorm norm;
  Linear query, key, value;
  RmsNorm query_norm, key_norm;  // per head, before rope; none in most families
  const Rope* rope;
  CacheGroup* cache;
  std::size_t group_index;  // of cache, among the model's groups
  std::size_t layer;        // inside the group
  Buffer* normed;           // scratch [rows, d]
  Buffer* q;                // out [rows, heads * head_dim]
  Buffer* k;                // scratch [rows, kv_heads * head_dim]
  Buffer* v;                // scratch [rows, kv_heads * head_dim]
};

struct AttendArguments {
  const Buffer* q;
  const CacheGroup* cache;
  std::size_t group_index;
  std::size_t layer;
  float scale;
  Buffer* out;  // [rows, heads * head_dim]
};

// out = activation(gate(norm(x))) * up(norm(x))
struct GatedArguments {
  const Buffer* x;
  RmsNorm norm;
  Linear gate, up;
  GateActivation activation;
  Buffer* normed;  // scratch [rows, d]
  Buffer* up_out;  // scratch [rows, d_ff]
  Buffer* out;     // [rows, d_ff]
};

// What a region of parallel jobs does: an operation, and of a product its weights.
struct RegionLabel {
  const char* operation = "";      // a literal
  DType type = DType::kF32;        // of products: the first weight's
  std::size_t rows = 0, cols = 0;  // of all weights of the region, stacked; 0: no product

  bool operator==(const RegionLabel&) const = default;
};

// Where the time of recorded steps went, by label.
struct RegionTime {
  RegionLabel label;
  std::size_t regions = 0;
  double seconds = 0;       // each from the end of the region before to that of its last job
  double busy_seconds = 0;  // in jobs, the mean of the workers; the rest is waiting
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string_view name() const noexcept = 0;  // "reference", "cpu avx2, 2 threads"
  // Whose kernels may run on what it computed.
  virtual Isa isa() const noexcept { return Isa::kPortable; }

  // Resources. Errors: kResourceExhausted; kUnsupported for a type it has no kernel for.
  // A model's weights, in the order of `sources`.
  virtual std::vector<std::unique_ptr<Weight>> load(std::span<const WeightSource> sources,
                                                    const WeightLoading& how) = 0;
  virtual std::unique_ptr<Buffer> make_buffer(std::size_t rows, std::size_t cols) = 0;
  // Room for `blocks` blocks; memory is taken as blocks are first written.
  virtual std::unique_ptr<CacheGroup> make_cache(const CacheShape& shape, std::size_t blocks) = 0;
  // Bytes one block of a cache of this shape takes.
  virtual std::size_t cache_block_bytes(const CacheShape& shape) const = 0;

  // A step: begin, operations, finish. step_rows() is the number of rows, until shrink() makes it
  // less.
  void begin(const StepInput& step);
  virtual void finish() = 0;
  std::size_t step_rows() const noexcept { return step_rows_; }

  // Plain operations.
  virtual void embed(const Weight& table, float scale, Buffer& out) = 0;
  virtual void norm(const Buffer& x, const RmsNorm& norm, Buffer& out) = 0;
  virtual void project(const Buffer& x, const Linear& linear, Buffer& out) = 0;
  // Norm of each head: x is [rows, heads * norm.weight->cols()], in place.
  virtual void head_norm(Buffer& x, const RmsNorm& norm) = 0;
  virtual void rope(Buffer& x, const Rope& rope, std::size_t head_dim) = 0;
  virtual void store(const Buffer& k, const Buffer& v, CacheGroup& cache, std::size_t group_index,
                     std::size_t layer) = 0;
  virtual void attend(const AttendArguments& arguments) = 0;
  virtual void activate(const Buffer& gate, const Buffer& up, GateActivation activation,
                        Buffer& out) = 0;
  virtual void add(const Buffer& a, const Buffer& b, Buffer& out) = 0;
  // Copies the named rows of x to the front of out and makes their number the step's rows.
  virtual void gather(const Buffer& x, std::span<const std::size_t> rows, Buffer& out) = 0;

  // Fused operations.
  virtual void project_qkv(const QkvArguments& arguments);
  // residual += linear(x); scratch has linear.weight->rows() columns.
  virtual void project_add(const Buffer& x, const Linear& linear, Buffer& scratch,
                           Buffer& residual);
  virtual void gated(const GatedArguments& arguments);
  // residual += norm(x); x is scratch afterwards.
  virtual void norm_add(Buffer& x, const RmsNorm& norm, Buffer& residual);

  // Starts (forgetting what was recorded) or stops recording how long each region takes; a Device
  // without regions records nothing.
  virtual void record_regions(bool) {}
  virtual std::span<const RegionTime> region_times() const { return {}; }

  // After finish(): row `row` of a buffer, [cols].
  virtual std::span<const float> read(const Buffer& buffer, std::size_t row) const = 0;

 protected:
  virtual void on_begin() = 0;
  void shrink(std::size_t rows) noexcept { step_rows_ = rows; }
  const StepInput& step() const noexcept { return step_; }
  // Absolute position of each row of the step.
  std::span<const std::size_t> positions() const noexcept { return positions_; }

 private:
  StepInput step_;
  std::size_t step_rows_ = 0;
  std::vector<std::size_t> positions_;
};

// Which instruction set, how many threads. "reference" is the Device that judges every other.
struct DeviceOptions {
  std::string isa = {};  // "": the best this CPU has; else a name of kernels/isa.h, or "reference"
  std::size_t threads = 0;  // 0: the cores this process may use
  // Of these, in steps that only generate, one row a sequence; 0: all. Generating waits for memory,
  // which fewer cores than all can keep busy.
  std::size_t decode_threads = 0;
  // Weights are used where they lie, row by row as the file has them: least memory, and slow,
  // because only portable kernels read that layout. isa is not looked at.
  bool in_place = false;
  // F16 matrices are rounded to bfloat16 and multiplied as such: faster and less exact. Needs
  // avx512_bf16.
  bool fast = false;
};

// Errors: kInvalidArgument for an unknown name, kUnsupported for one this CPU lacks and for
// `fast` without avx512_bf16.
std::unique_ptr<Device> make_device(const DeviceOptions& options);

}  // namespace hearth
