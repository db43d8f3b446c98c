// Products with packed weights, and what is fused to them: norm and conversion of the input before,
// bias, rope, cache write, residual and gate after.
#include <algorithm>

#include "device/cpu/cpu_device.h"

namespace hearth {
namespace {

// A block of rows whose converted bytes (of floats, those of the columns at hand) stay in half of a
// 1 MiB L2 while panels stream past them.
constexpr std::size_t kRowBlockBytes = std::size_t{512} << 10;
constexpr std::size_t kRowBlockMin = 32;
// Jobs per worker in a region: enough that a core that stalls holds nobody up for long.
constexpr std::size_t kJobsPerWorker = 8;

std::size_t index_of(ActivationFormat format) noexcept { return static_cast<std::size_t>(format); }

// Of the panels a job begins with: what the kernels fetch ahead of themselves from there on.
constexpr std::size_t kFetchBytes = 4096;

struct Product {
  const CpuWeight* weight = nullptr;
  const float* bias = nullptr;

  explicit Product(const Linear& linear) noexcept
      : weight(&cpu(*linear.weight)),
        bias(linear.bias != nullptr ? cpu(*linear.bias).vector() : nullptr) {}

  struct Window {
    std::size_t first_panel, panels, first_row, rows;
    float* out;
    std::size_t out_stride;
  };

  void fetch(std::size_t first_panel) const noexcept {
    const std::byte* const at = weight->panel(first_panel);
    for (std::size_t i = 0; i < kFetchBytes; i += 64) __builtin_prefetch(at + i);
  }

  // out [rows, panels * panel_rows] = the product, bias added. `first_row` counts in the step.
  void multiply(const Activations& in, const Window& w, std::size_t worker) const noexcept {
    const MatmulKernel& kernel = *weight->kernel;
    const ActivationFormat format = kernel.activation;
    kernel.multiply({.panels = weight->panel(w.first_panel),
                     .panel_count = w.panels,
                     .cols = weight->cols(),
                     .activations = in.converted(format, w.first_row, worker),
                     .activation_bytes = in.bytes(format),
                     .rows = w.rows,
                     .out = w.out,
                     .out_stride = w.out_stride,
                     .scratch = in.memory->get<std::byte>(Area::kKernel, worker)});
    if (bias == nullptr) return;
    const std::size_t first = w.first_panel * kernel.panel_rows;
    const std::size_t count = std::min(w.panels * kernel.panel_rows, weight->rows() - first);
    for (std::size_t row = 0; row < w.rows; ++row) {
      float* to = w.out + row * w.out_stride;
      in.elementwise->add(to, bias + first, count, to);
    }
  }
};

// Base of the jobs that read Activations: with private rows each worker converts before its first
// job.
struct ProductJob {
  Activations in;
  Cut cut;

  void prepare(std::size_t worker) const noexcept {
    if (in.is_private()) in.convert(0, worker);
  }
};

struct ProjectJob : ProductJob {
  Product product;
  const CpuBuffer* out;
  bool add;  // to what out has, instead of over it

  void fetch(std::size_t job) const noexcept { product.fetch(cut.range(job).first_unit); }

  void operator()(std::size_t job, std::size_t worker) const noexcept {
    const Cut::Range r = cut.range(job);
    const std::size_t panel_rows = product.weight->kernel->panel_rows;
    const std::size_t first = r.first_unit * panel_rows;
    const std::size_t width = (r.end_unit - r.first_unit) * panel_rows;
    float* target = out->row(r.first_row) + first;
    float* values = add ? in.memory->get<float>(Area::kOut, worker) : target;
    const std::size_t stride = add ? width : out->stride;
    product.multiply(
        in, {r.first_unit, r.end_unit - r.first_unit, r.first_row, r.rows(), values, stride},
        worker);
    if (!add) return;
    for (std::size_t row = 0; row < r.rows(); ++row) {
      float* to = target + row * out->stride;
      in.elementwise->add(to, values + row * stride,
                          std::min(width, product.weight->rows() - first), to);
    }
  }
};

struct GatedJob : ProductJob {
  Product gate, up;
  decltype(ElementwiseKernel::silu_multiply) activate;
  const CpuBuffer* out;

  void fetch(std::size_t job) const noexcept {
    const std::size_t first = cut.range(job).first_unit;
    gate.fetch(first);
    up.fetch(first);
  }

  void operator()(std::size_t job, std::size_t worker) const noexcept {
    const Cut::Range r = cut.range(job);
    const std::size_t panel_rows = gate.weight->kernel->panel_rows;
    const std::size_t first = r.first_unit * panel_rows;
    const std::size_t panels = r.end_unit - r.first_unit;
    const std::size_t width = panels * panel_rows;
    float* g = in.memory->get<float>(Area::kOut, worker);
    float* u = g + r.rows() * width;
    gate.multiply(in, {r.first_unit, panels, r.first_row, r.rows(), g, width}, worker);
    up.multiply(in, {r.first_unit, panels, r.first_row, r.rows(), u, width}, worker);
    const std::size_t count = std::min(width, gate.weight->rows() - first);
    for (std::size_t row = 0; row < r.rows(); ++row) {
      activate(g + row * width, u + row * width, count, out->row(r.first_row + row) + first);
    }
  }
};

// A unit is one kv head (its keys and values, written to the cache) or, after those, one query
// head.
struct QkvJob : ProductJob {
  Product query, key, value;
  RmsNorm query_norm, key_norm;
  const float* rope_table;
  std::size_t pairs;
  bool neox;
  const CpuBuffer* q;
  const CpuCache* cache;
  std::size_t layer;
  std::size_t group_index;
  const SequenceRows* sequences;

  void fetch(std::size_t job) const noexcept {
    const std::size_t unit = cut.range(job).first_unit, kv_heads = cache->shape().kv_heads;
    if (unit >= kv_heads) return query.fetch((unit - kv_heads) * panels_per_head(query));
    key.fetch(unit * panels_per_head(key));
    value.fetch(unit * panels_per_head(value));
  }

  void operator()(std::size_t job, std::size_t worker) const noexcept {
    const Cut::Range r = cut.range(job);
    const std::size_t kv_heads = cache->shape().kv_heads;
    for (std::size_t unit = r.first_unit; unit < r.end_unit; ++unit) {
      if (unit < kv_heads) {
        key_value_head(unit, r, worker);
      } else {
        query_head(unit - kv_heads, r, worker);
      }
    }
  }

 private:
  std::size_t panels_per_head(const Product& product) const noexcept {
    return cache->shape().head_dim / product.weight->kernel->panel_rows;
  }

  void finish_head(float* head, const RmsNorm& norm, std::size_t row) const noexcept {
    const float* cosines = rope_table + row * 2 * pairs;
    if (norm.weight != nullptr) {
      in.elementwise->rms_norm(head, cpu(*norm.weight).vector(), norm.weight->cols(), norm.epsilon,
                               head);
    }
    in.elementwise->rope(head, cosines, cosines + pairs, pairs, neox);
  }

  void query_head(std::size_t head, const Cut::Range& r, std::size_t worker) const noexcept {
    const std::size_t head_dim = cache->shape().head_dim;
    const std::size_t panels = panels_per_head(query);
    float* out = q->row(r.first_row) + head * head_dim;
    query.multiply(in, {head * panels, panels, r.first_row, r.rows(), out, q->stride}, worker);
    for (std::size_t row = 0; row < r.rows(); ++row) {
      finish_head(out + row * q->stride, query_norm, r.first_row + row);
    }
  }

  void key_value_head(std::size_t head, const Cut::Range& r, std::size_t worker) const noexcept {
    const std::size_t head_dim = cache->shape().head_dim;
    float* k = in.memory->get<float>(Area::kOut, worker);
    float* v = k + r.rows() * head_dim;
    const std::size_t key_panels = panels_per_head(key);
    const std::size_t value_panels = panels_per_head(value);
    key.multiply(in, {head * key_panels, key_panels, r.first_row, r.rows(), k, head_dim}, worker);
    value.multiply(in, {head * value_panels, value_panels, r.first_row, r.rows(), v, head_dim},
                   worker);
    const SequenceRows* sequence = sequences;
    for (std::size_t i = 0; i < r.rows(); ++i) {
      const std::size_t row = r.first_row + i;
      while (row >= sequence->first_row + sequence->rows) ++sequence;
      const std::size_t position = sequence->first_position + row - sequence->first_row;
      const BlockId block = sequence->tables[group_index][position / kBlockPositions];
      finish_head(k + i * head_dim, key_norm, row);
      cache->kernel.store(cache->head_block(block, layer, head), position % kBlockPositions,
                          head_dim, k + i * head_dim, v + i * head_dim);
    }
  }
};

RegionLabel label(const char* operation, std::span<const Weight* const> weights) noexcept {
  RegionLabel label{operation, cpu(*weights[0]).type, 0, weights[0]->cols()};
  for (const Weight* weight : weights) label.rows += weight->rows();
  return label;
}

}  // namespace

void Activations::convert(std::size_t row, std::size_t worker) const noexcept {
  const float* from = x + row * x_stride;
  if (norm.weight != nullptr) {
    auto* normed = memory->get<float>(Area::kNormed, worker);
    elementwise->rms_norm(from, cpu(*norm.weight).vector(), cols, norm.epsilon, normed);
    from = normed;
  }
  for (std::size_t f = 0; f < kFormats; ++f) {
    if (kernels[f] == nullptr) continue;
    auto* to = const_cast<std::byte*>(converted(static_cast<ActivationFormat>(f), row, worker));
    kernels[f]->convert(from, cols, to);
  }
}

const std::byte* Activations::converted(ActivationFormat format, std::size_t row,
                                        std::size_t worker) const noexcept {
  const std::size_t f = index_of(format);
  if (is_private()) return memory->get<std::byte>(Area::kConverted, worker) + private_offset[f];
  return shared[f] + row * bytes(format);
}

std::size_t Activations::bytes(ActivationFormat format) const noexcept {
  return kernels[index_of(format)]->row_bytes(cols);
}

bool Activations::is_private() const noexcept {
  return std::all_of(shared.begin(), shared.end(), [](const std::byte* p) { return p == nullptr; });
}

Cut::Range Cut::range(std::size_t job) const noexcept {
  const std::size_t first_unit = job % groups * units_per_group;
  const std::size_t first_row = job / groups * rows_per_block;
  return {first_unit, std::min(first_unit + units_per_group, units), first_row,
          std::min(first_row + rows_per_block, rows)};
}

Cut CpuDevice::cut(std::size_t units, const Activations& in,
                   ActivationFormat format) const noexcept {
  const std::size_t whole = in.bytes(format);
  const bool floats = format == ActivationFormat::kF32;
  const std::size_t row_bytes = floats ? std::min(whole, kFloatColumns * sizeof(float)) : whole;
  Cut cut;
  cut.units = units;
  cut.rows = step_rows();
  const std::size_t block =
      std::max(kRowBlockMin, kRowBlockBytes / row_bytes / kRowBlockMin * kRowBlockMin);
  cut.rows_per_block = std::min(cut.rows, block);
  cut.row_blocks = (cut.rows + cut.rows_per_block - 1) / cut.rows_per_block;
  const std::size_t jobs = kJobsPerWorker * pool_.size();
  cut.units_per_group = std::max<std::size_t>(1, units * cut.row_blocks / jobs);
  cut.groups = (units + cut.units_per_group - 1) / cut.units_per_group;
  return cut;
}

Activations CpuDevice::activations(const Buffer& x, const RmsNorm& norm,
                                   std::span<const Weight* const> weights) {
  const CpuBuffer& from = cpu(x);
  Activations in;
  in.x = from.row(0);
  in.x_stride = from.stride;
  in.cols = x.cols();
  in.norm = norm;
  in.elementwise = &elementwise_;
  in.memory = &memory_;
  std::size_t private_bytes = 0;
  for (const Weight* weight : weights) {
    const ActivationFormat format = cpu(*weight).kernel->activation;
    const std::size_t f = index_of(format);
    if (in.kernels[f] != nullptr) continue;
    in.kernels[f] = &select_activation(format, isa_);
    in.private_offset[f] = private_bytes;
    private_bytes += in.bytes(format);
    const std::size_t shared_bytes = step_rows() * in.bytes(format);
    if (step_rows() == 1) continue;
    grow(converted_[f], shared_bytes);
    in.shared[f] = converted_[f].data();
  }
  memory_.reserve(Area::kNormed, in.cols * sizeof(float));
  memory_.reserve(Area::kConverted, private_bytes);
  if (step_rows() > 1) {
    queue_.add({"norm, quantize"}, step_rows(),
               [in](std::size_t row, std::size_t worker) noexcept { in.convert(row, worker); });
  }
  return in;
}

void CpuDevice::reserve_products(std::span<const Weight* const> weights, std::size_t out_floats) {
  std::size_t kernel_bytes = 0;
  for (const Weight* weight : weights) {
    kernel_bytes = std::max(kernel_bytes, cpu(*weight).kernel->scratch_bytes(weight->cols()));
  }
  memory_.reserve(Area::kKernel, kernel_bytes);
  memory_.reserve(Area::kOut, out_floats * sizeof(float));
}

void CpuDevice::project(const Buffer& x, const Linear& linear, Buffer& out) {
  const Weight* const weights[] = {linear.weight};
  ProjectJob job{{activations(x, {}, weights), {}}, Product(linear), &cpu(out), false};
  job.cut = cut(job.product.weight->panels(), job.in, job.product.weight->kernel->activation);
  reserve_products(weights, 0);
  queue_.add(label("product", weights), job.cut.jobs(), job);
}

void CpuDevice::project_add(const Buffer& x, const Linear& linear, Buffer&, Buffer& residual) {
  const Weight* const weights[] = {linear.weight};
  ProjectJob job{{activations(x, {}, weights), {}}, Product(linear), &cpu(residual), true};
  job.cut = cut(job.product.weight->panels(), job.in, job.product.weight->kernel->activation);
  reserve_products(weights, job.cut.rows_per_block * job.cut.units_per_group *
                                job.product.weight->kernel->panel_rows);
  queue_.add(label("product, add", weights), job.cut.jobs(), job);
}

void CpuDevice::gated(const GatedArguments& a) {
  // A job's panels of gate and of up must hold the same rows.
  if (cpu(*a.gate.weight).kernel->panel_rows != cpu(*a.up.weight).kernel->panel_rows) {
    return Device::gated(a);
  }
  const Weight* const weights[] = {a.gate.weight, a.up.weight};
  const bool silu = a.activation == GateActivation::kSilu;
  GatedJob job{{activations(*a.x, a.norm, weights), {}},
               Product(a.gate),
               Product(a.up),
               silu ? elementwise_.silu_multiply : elementwise_.gelu_multiply,
               &cpu(*a.out)};
  job.cut = cut(job.gate.weight->panels(), job.in, job.gate.weight->kernel->activation);
  reserve_products(weights, 2 * job.cut.rows_per_block * job.cut.units_per_group *
                                job.gate.weight->kernel->panel_rows);
  queue_.add(label("gate, up", weights), job.cut.jobs(), job);
}

void CpuDevice::project_qkv(const QkvArguments& a) {
  const CpuCache& cache = static_cast<const CpuCache&>(*a.cache);
  const CacheShape& shape = cache.shape();
  const Weight* const weights[] = {a.query.weight, a.key.weight, a.value.weight};
  // A job's epilogue is a whole head: panels must not straddle two.
  for (const Weight* weight : weights) {
    if (shape.head_dim % cpu(*weight).kernel->panel_rows != 0) return Device::project_qkv(a);
  }
  const float* table = rope_table(*a.rope);
  QkvJob job{{activations(*a.x, a.norm, weights), {}},
             Product(a.query),
             Product(a.key),
             Product(a.value),
             a.query_norm,
             a.key_norm,
             table,
             a.rope->inverse_frequency.size(),
             a.rope->neox,
             &cpu(*a.q),
             &cache,
             a.layer,
             a.group_index,
             step().sequences.data()};
  const std::size_t heads = a.q->cols() / shape.head_dim;
  job.cut = cut(shape.kv_heads + heads, job.in, job.query.weight->kernel->activation);
  reserve_products(weights, 2 * job.cut.rows_per_block * shape.head_dim);
  queue_.add(label("qkv, rope, store", weights), job.cut.jobs(), job);
}

}  // namespace hearth
