#include "device/reference/reference_device.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/check.h"
#include "tensor/decode.h"

namespace hearth {
namespace {

struct ReferenceWeight final : Weight {
  using Weight::Weight;
  std::vector<float> values;  // [rows, cols]
};

struct ReferenceBuffer final : Buffer {
  using Buffer::Buffer;
  std::vector<float> values;  // [rows, cols]
};

struct ReferenceCache final : CacheGroup {
  using CacheGroup::CacheGroup;
  // [block][layer][kv_head][position in block][key, value][head_dim]; blocks appear as they are
  // written.
  std::vector<float> values;

  std::size_t offset(BlockId block, std::size_t layer, std::size_t head, std::size_t slot) const {
    const CacheShape& s = shape();
    return (((block * s.layers + layer) * s.kv_heads + head) * kBlockPositions + slot) * 2 *
           s.head_dim;
  }
};

const float* values_of(const Weight& weight) {
  return static_cast<const ReferenceWeight&>(weight).values.data();
}

float* row_of(Buffer& buffer, std::size_t row) {
  return static_cast<ReferenceBuffer&>(buffer).values.data() + row * buffer.cols();
}
const float* row_of(const Buffer& buffer, std::size_t row) {
  return static_cast<const ReferenceBuffer&>(buffer).values.data() + row * buffer.cols();
}

void rms_norm(const float* x, const float* weight, std::size_t n, float epsilon, float* out) {
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) squares += double{x[i]} * x[i];
  const double scale = 1.0 / std::sqrt(squares / static_cast<double>(n) + epsilon);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(x[i] * scale * weight[i]);
}

double activation_of(double g, GateActivation activation) {
  if (activation == GateActivation::kSilu) return g / (1.0 + std::exp(-g));
  const double inner = std::sqrt(2.0 / std::numbers::pi) * (g + 0.044715 * g * g * g);
  return 0.5 * g * (1.0 + std::tanh(inner));
}

class ReferenceDevice final : public Device {
 public:
  std::string_view name() const noexcept override { return "reference"; }

  std::vector<std::unique_ptr<Weight>> load(std::span<const WeightSource> sources,
                                            const WeightLoading&) override {
    std::vector<std::unique_ptr<Weight>> weights;
    for (const WeightSource& source : sources) {
      auto weight = std::make_unique<ReferenceWeight>(source.rows, source.cols);
      weight->values.resize(source.rows * source.cols);
      decode(source.type, source.bytes, weight->values.size(), weight->values.data());
      weights.push_back(std::move(weight));
    }
    return weights;
  }

  std::unique_ptr<Buffer> make_buffer(std::size_t rows, std::size_t cols) override {
    auto buffer = std::make_unique<ReferenceBuffer>(rows, cols);
    buffer->values.resize(rows * cols);
    return buffer;
  }

  std::unique_ptr<CacheGroup> make_cache(const CacheShape& shape, std::size_t) override {
    return std::make_unique<ReferenceCache>(shape);
  }

  std::size_t cache_block_bytes(const CacheShape& shape) const override {
    return shape.layers * shape.kv_heads * kBlockPositions * 2 * shape.head_dim * sizeof(float);
  }

  // Operations run when they are called: there is nothing left to do at the end.
  void on_begin() override {}
  void finish() override {}

  void embed(const Weight& table, float scale, Buffer& out) override {
    for (std::size_t row = 0; row < step_rows(); ++row) {
      const float* from =
          values_of(table) + static_cast<std::size_t>(step().tokens[row]) * table.cols();
      for (std::size_t i = 0; i < table.cols(); ++i) row_of(out, row)[i] = from[i] * scale;
    }
  }

  void norm(const Buffer& x, const RmsNorm& norm, Buffer& out) override {
    for (std::size_t row = 0; row < step_rows(); ++row) {
      rms_norm(row_of(x, row), values_of(*norm.weight), x.cols(), norm.epsilon, row_of(out, row));
    }
  }

  void project(const Buffer& x, const Linear& linear, Buffer& out) override {
    const Weight& w = *linear.weight;
    for (std::size_t row = 0; row < step_rows(); ++row) {
      for (std::size_t r = 0; r < w.rows(); ++r) {
        double sum = linear.bias != nullptr ? values_of(*linear.bias)[r] : 0.0;
        const float* weights = values_of(w) + r * w.cols();
        for (std::size_t k = 0; k < w.cols(); ++k) sum += double{row_of(x, row)[k]} * weights[k];
        row_of(out, row)[r] = static_cast<float>(sum);
      }
    }
  }

  void head_norm(Buffer& x, const RmsNorm& norm) override {
    const std::size_t head_dim = norm.weight->cols();
    for (std::size_t row = 0; row < step_rows(); ++row) {
      for (std::size_t h = 0; h < x.cols(); h += head_dim) {
        float* head = row_of(x, row) + h;
        rms_norm(head, values_of(*norm.weight), head_dim, norm.epsilon, head);
      }
    }
  }

  void rope(Buffer& x, const Rope& rope, std::size_t head_dim) override {
    const std::size_t pairs = rope.inverse_frequency.size();
    for (std::size_t row = 0; row < step_rows(); ++row) {
      for (std::size_t h = 0; h < x.cols(); h += head_dim) {
        for (std::size_t i = 0; i < pairs; ++i) {
          const double angle = static_cast<double>(positions()[row]) * rope.inverse_frequency[i];
          const double c = std::cos(angle) * rope.magnitude;
          const double s = std::sin(angle) * rope.magnitude;
          float& a = row_of(x, row)[h + (rope.neox ? i : 2 * i)];
          float& b = row_of(x, row)[h + (rope.neox ? i + pairs : 2 * i + 1)];
          const double rotated = a * c - b * s;
          b = static_cast<float>(a * s + b * c);
          a = static_cast<float>(rotated);
        }
      }
    }
  }

  void store(const Buffer& k, const Buffer& v, CacheGroup& cache, std::size_t group_index,
             std::size_t layer) override {
    auto& target = static_cast<ReferenceCache&>(cache);
    const CacheShape& s = cache.shape();
    for (const SequenceRows& sequence : step().sequences) {
      for (std::size_t i = 0; i < sequence.rows; ++i) {
        const std::size_t position = sequence.first_position + i;
        const BlockId block = sequence.tables[group_index][position / kBlockPositions];
        const std::size_t row = sequence.first_row + i;
        for (std::size_t h = 0; h < s.kv_heads; ++h) {
          const std::size_t at = target.offset(block, layer, h, position % kBlockPositions);
          const std::size_t end = target.offset(block + 1, 0, 0, 0);
          if (target.values.size() < end) target.values.resize(end);
          std::copy_n(row_of(k, row) + h * s.head_dim, s.head_dim, &target.values[at]);
          std::copy_n(row_of(v, row) + h * s.head_dim, s.head_dim, &target.values[at + s.head_dim]);
        }
      }
    }
  }

  void attend(const AttendArguments& a) override {
    const std::size_t heads = a.q->cols() / a.cache->shape().head_dim;
    for (const SequenceRows& sequence : step().sequences) {
      for (std::size_t i = 0; i < sequence.rows; ++i) {
        for (std::size_t h = 0; h < heads; ++h) attend_head(a, sequence, i, h);
      }
    }
  }

  void activate(const Buffer& gate, const Buffer& up, GateActivation activation,
                Buffer& out) override {
    for (std::size_t row = 0; row < step_rows(); ++row) {
      for (std::size_t i = 0; i < out.cols(); ++i) {
        const double g = activation_of(row_of(gate, row)[i], activation);
        row_of(out, row)[i] = static_cast<float>(g * row_of(up, row)[i]);
      }
    }
  }

  void add(const Buffer& a, const Buffer& b, Buffer& out) override {
    for (std::size_t row = 0; row < step_rows(); ++row) {
      for (std::size_t i = 0; i < out.cols(); ++i)
        row_of(out, row)[i] = row_of(a, row)[i] + row_of(b, row)[i];
    }
  }

  void gather(const Buffer& x, std::span<const std::size_t> rows, Buffer& out) override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(row_of(x, rows[i]), x.cols(), row_of(out, i));
    }
    shrink(rows.size());
  }

  std::span<const float> read(const Buffer& buffer, std::size_t row) const override {
    return {row_of(buffer, row), buffer.cols()};
  }

 private:
  // softmax(scale * q · K) V of one row and query head, over the keys it may see.
  void attend_head(const AttendArguments& a, const SequenceRows& sequence, std::size_t i,
                   std::size_t head) {
    const auto& cache = static_cast<const ReferenceCache&>(*a.cache);
    const CacheShape& s = cache.shape();
    const std::size_t kv_head = head / (a.q->cols() / s.head_dim / s.kv_heads);
    const std::size_t position = sequence.first_position + i;
    const std::size_t first = s.window != 0 && position >= s.window ? position - s.window + 1 : 0;
    const float* q = row_of(*a.q, sequence.first_row + i) + head * s.head_dim;
    const auto entry = [&](std::size_t key) {
      const BlockId block = sequence.tables[a.group_index][key / kBlockPositions];
      return &cache.values[cache.offset(block, a.layer, kv_head, key % kBlockPositions)];
    };
    std::vector<double> p;
    double largest = -std::numeric_limits<double>::infinity();
    for (std::size_t key = first; key <= position; ++key) {
      double dot = 0;
      for (std::size_t d = 0; d < s.head_dim; ++d) dot += double{q[d]} * entry(key)[d];
      p.push_back(dot * a.scale);
      largest = std::max(largest, p.back());
    }
    double sum = 0;
    for (double& score : p) sum += score = std::exp(score - largest);
    std::vector<double> out(s.head_dim);
    for (std::size_t key = first; key <= position; ++key) {
      for (std::size_t d = 0; d < s.head_dim; ++d)
        out[d] += p[key - first] * entry(key)[s.head_dim + d];
    }
    float* to = row_of(*a.out, sequence.first_row + i) + head * s.head_dim;
    for (std::size_t d = 0; d < s.head_dim; ++d) to[d] = static_cast<float>(out[d] / sum);
  }
};

}  // namespace

std::unique_ptr<Device> make_reference_device() { return std::make_unique<ReferenceDevice>(); }

}  // namespace hearth
