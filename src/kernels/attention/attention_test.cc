// Attention: every variant this CPU has, against float64 over the stored (rounded) keys and values,
// and against itself row by row, byte for byte. Slots that a query may not see hold NaN.
#include "kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "base/half.h"
#include "base/random.h"

namespace hearth {
namespace {

struct Shape {
  std::size_t head_dim, group, rows, first_position, window;
};

std::string name(const AttentionKernel& kernel, const Shape& shape) {
  const auto text = [](std::size_t n) { return std::to_string(n); };
  return std::string(isa_name(kernel.isa)) + (kernel.type == CacheType::kF16 ? " f16" : " f32") +
         ", head_dim " + text(shape.head_dim) + ", group " + text(shape.group) + ", rows " +
         text(shape.rows) + " from " + text(shape.first_position) + ", window " +
         text(shape.window);
}

// Queries, keys and values, as the cache type keeps them.
struct Inputs {
  std::vector<float> queries;  // [rows, group, head_dim], one more float between rows
  std::vector<float> keys;     // [positions, head_dim]
  std::vector<float> values;   // [positions, head_dim]
  std::size_t positions, query_stride;
  float scale;
};

Inputs make_inputs(const Shape& shape, CacheType type) {
  Random random(shape.head_dim * 1000003 + shape.group * 1009 + shape.rows * 31 +
                shape.first_position);
  const auto number = [&] { return static_cast<float>(random.uniform() * 2.0 - 1.0); };
  Inputs in;
  in.positions = shape.first_position + shape.rows;
  in.query_stride = shape.group * shape.head_dim + 1;
  in.scale = 1.0f / std::sqrt(static_cast<float>(shape.head_dim));
  in.queries.resize(shape.rows * in.query_stride);
  in.keys.resize(in.positions * shape.head_dim);
  in.values.resize(in.positions * shape.head_dim);
  for (float& q : in.queries) q = number() * 4.0f;
  for (auto* cache : {&in.keys, &in.values}) {
    for (float& x : *cache) {
      x = number() * 3.0f;
      if (type == CacheType::kF16) x = half_to_float(float_to_half(x));
    }
  }
  return in;
}

std::size_t first_visible(const Shape& shape, std::size_t position) {
  return shape.window == 0 || position + 1 <= shape.window ? 0 : position + 1 - shape.window;
}

// A cache with the positions [begin, end) stored; every other slot is NaN.
class Cache {
 public:
  Cache(const AttentionKernel& kernel, const Shape& shape, const Inputs& in, std::size_t begin,
        std::size_t end)
      : block_bytes_(kernel.block_bytes(shape.head_dim)) {
    const std::size_t count = (in.positions + kBlockPositions - 1) / kBlockPositions;
    bytes_.assign(count * block_bytes_, std::byte{0xff});
    for (std::size_t i = 0; i < count; ++i) blocks_.push_back(bytes_.data() + i * block_bytes_);
    for (std::size_t p = begin; p < end; ++p) {
      kernel.store(bytes_.data() + p / kBlockPositions * block_bytes_, p % kBlockPositions,
                   shape.head_dim, &in.keys[p * shape.head_dim], &in.values[p * shape.head_dim]);
    }
  }
  const std::byte* const* blocks(std::size_t position) const {
    return blocks_.data() + position / kBlockPositions;
  }

 private:
  std::size_t block_bytes_;
  std::vector<std::byte> bytes_;
  std::vector<const std::byte*> blocks_;
};

struct State {
  std::vector<float> max, sum, acc;
  State(std::size_t queries, std::size_t head_dim)
      : max(queries, NAN), sum(queries, NAN), acc(queries * head_dim, NAN) {}
};

// Output [rows, group, head_dim] of rows [row, row + count) in one tile, all partitions merged.
std::vector<float> attend(const AttentionKernel& kernel, const Shape& shape, const Inputs& in,
                          const Cache& cache, std::size_t row, std::size_t count) {
  const std::size_t queries = count * shape.group, head_dim = shape.head_dim;
  const std::size_t end = shape.first_position + row + count;
  State total(queries, head_dim), later(queries, head_dim);
  for (std::size_t begin = 0; begin < end; begin += kPartitionPositions) {
    State& part = begin == 0 ? total : later;
    kernel.attend({.queries = &in.queries[row * in.query_stride],
                   .query_stride = in.query_stride,
                   .rows = count,
                   .first_position = shape.first_position + row,
                   .group = shape.group,
                   .head_dim = head_dim,
                   .blocks = cache.blocks(begin),
                   .key_begin = begin,
                   .key_end = std::min(end, begin + kPartitionPositions),
                   .window = shape.window,
                   .scale = in.scale,
                   .max = part.max.data(),
                   .sum = part.sum.data(),
                   .acc = part.acc.data()});
    if (begin == 0) continue;
    for (std::size_t q = 0; q < queries; ++q) {
      kernel.merge({&total.max[q], &total.sum[q], &total.acc[q * head_dim]},
                   {&later.max[q], &later.sum[q], &later.acc[q * head_dim]}, head_dim);
    }
  }
  std::vector<float> out(queries * head_dim);
  for (std::size_t q = 0; q < queries; ++q) {
    kernel.finish(&total.acc[q * head_dim], total.sum[q], head_dim, &out[q * head_dim]);
  }
  return out;
}

// float64 softmax(q · k) · v of one query, and how far f32 may be from it.
//   score: head_dim + 1 roundings (the chain, q * scale) of at most sum |q k|: |ds| ≤ (D + 1) u sum
//   |q k| p = exp(s - m): relative 2 max |ds| + roundings of s - m (u |s - m|) + exp's own 2 ulp =
//   4 u sums of n keys, with a rescaling (exp, product: 6 u) per block and partition: (n + 8 (n /
//   32 + 2)) u
// each once in the numerator and once in the denominator, and one division.
struct Expected {
  std::vector<double> out, tolerance;
};

Expected expect(const Shape& shape, const Inputs& in, std::size_t row, std::size_t head) {
  constexpr double kUnit = 0x1p-24;
  const std::size_t dim = shape.head_dim, position = shape.first_position + row;
  const std::size_t begin = first_visible(shape, position);
  const float* q = &in.queries[row * in.query_stride + head * dim];
  std::vector<double> score;
  double top = -std::numeric_limits<double>::infinity(), product_sum_max = 0, depth = 0;
  for (std::size_t key = begin; key <= position; ++key) {
    double s = 0, magnitude = 0;
    for (std::size_t d = 0; d < dim; ++d) {
      const double product = static_cast<double>(q[d]) * in.scale * in.keys[key * dim + d];
      s += product;
      magnitude += std::fabs(product);
    }
    score.push_back(s);
    top = std::max(top, s);
    product_sum_max = std::max(product_sum_max, magnitude);
  }
  for (const double s : score) depth = std::max(depth, top - s);
  double sum = 0;
  Expected want{std::vector<double>(dim, 0.0), std::vector<double>(dim, 0.0)};
  for (std::size_t i = 0; i < score.size(); ++i) {
    const double p = std::exp(score[i] - top);
    sum += p;
    for (std::size_t d = 0; d < dim; ++d) {
      const double term = p * in.values[(begin + i) * dim + d];
      want.out[d] += term;
      want.tolerance[d] += std::fabs(term);
    }
  }
  const auto n = static_cast<double>(score.size());
  const double relative =
      (2 * static_cast<double>(dim + 1) * product_sum_max + depth + 4 + n + 8 * (n / 32 + 2)) *
      kUnit;
  for (std::size_t d = 0; d < dim; ++d) {
    want.out[d] /= sum;
    want.tolerance[d] = want.tolerance[d] / sum * (2 * relative + kUnit);
  }
  return want;
}

std::vector<AttentionKernel> host_kernels() {
  std::vector<AttentionKernel> kernels;
  for (const AttentionKernel& kernel : attention_kernels()) {
    if (isa_supported(kernel.isa)) kernels.push_back(kernel);
  }
  return kernels;
}

constexpr std::size_t kHeadDims[] = {16, 20, 64, 80, 96, 128, 256};
constexpr std::size_t kFirstPositions[] = {0, 1, 30, 31, 32, 63, 200, 495, 511, 512, 1020};
constexpr std::size_t kWindows[] = {0, 1, 7, 32, 100, 512, 600};

// Every head_dim with every group, and every number of rows 1…33, at positions before, on and
// across the cuts.
std::vector<Shape> shapes() {
  std::vector<Shape> all;
  std::size_t i = 0;
  for (const std::size_t head_dim : kHeadDims) {
    for (std::size_t group = 1; group <= 8; ++group, ++i) {
      all.push_back({head_dim, group, i % 33 + 1, kFirstPositions[i % std::size(kFirstPositions)],
                     kWindows[i % std::size(kWindows)]});
    }
  }
  return all;
}

std::vector<Expected> expect_all(const Shape& shape, const Inputs& in) {
  std::vector<Expected> all;
  for (std::size_t query = 0; query < shape.rows * shape.group; ++query) {
    all.push_back(expect(shape, in, query / shape.group, query % shape.group));
  }
  return all;
}

// The largest error, as a share of its tolerance.
double worst_share(const std::vector<float>& got, const std::vector<Expected>& want,
                   std::size_t head_dim) {
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const Expected& query = want[i / head_dim];
    const double error = std::fabs(got[i] - query.out[i % head_dim]);
    worst = error <= query.tolerance[i % head_dim]
                ? std::max(worst, error / query.tolerance[i % head_dim])
                : std::numeric_limits<double>::infinity();
    if (std::isinf(worst)) return worst;
  }
  return worst;
}

TEST(Attention, FollowsFloat64) {
  for (const CacheType type : {CacheType::kF32, CacheType::kF16}) {
    for (const Shape& shape : shapes()) {
      const Inputs in = make_inputs(shape, type);
      const std::vector<Expected> want = expect_all(shape, in);
      for (const AttentionKernel& kernel : host_kernels()) {
        if (kernel.type != type) continue;
        const Cache cache(kernel, shape, in, 0, in.positions);
        const std::vector<float> got = attend(kernel, shape, in, cache, 0, shape.rows);
        EXPECT_LE(worst_share(got, want, shape.head_dim), 1.0) << name(kernel, shape);
      }
    }
  }
}

// A row's bytes in a tile are those of a call for it alone, over a cache with the keys it sees and
// nothing else.
TEST(Attention, ARowDependsOnItselfAlone) {
  for (const AttentionKernel& kernel : host_kernels()) {
    for (const Shape& shape : shapes()) {
      const Inputs in = make_inputs(shape, kernel.type);
      const Cache cache(kernel, shape, in, first_visible(shape, shape.first_position),
                        in.positions);
      const std::vector<float> tile = attend(kernel, shape, in, cache, 0, shape.rows);
      const std::size_t row_floats = shape.group * shape.head_dim;
      for (std::size_t row = 0; row < shape.rows; ++row) {
        const std::size_t position = shape.first_position + row;
        const Cache own(kernel, shape, in, first_visible(shape, position), position + 1);
        const std::vector<float> alone = attend(kernel, shape, in, own, row, 1);
        ASSERT_EQ(0, std::memcmp(alone.data(), &tile[row * row_floats], row_floats * sizeof(float)))
            << name(kernel, shape) << " row " << row;
      }
    }
  }
}

TEST(Attention, AnyCutIntoTilesGivesTheSameBytes) {
  const Shape shape = {.head_dim = 64, .group = 3, .rows = 33, .first_position = 490, .window = 0};
  for (const AttentionKernel& kernel : host_kernels()) {
    const Inputs in = make_inputs(shape, kernel.type);
    const Cache cache(kernel, shape, in, 0, in.positions);
    const std::vector<float> whole = attend(kernel, shape, in, cache, 0, shape.rows);
    for (std::size_t step = 1; step < shape.rows; ++step) {
      std::vector<float> parts;
      for (std::size_t row = 0; row < shape.rows; row += step) {
        const std::size_t count = std::min(step, shape.rows - row);
        const std::vector<float> part = attend(kernel, shape, in, cache, row, count);
        parts.insert(parts.end(), part.begin(), part.end());
      }
      ASSERT_EQ(0, std::memcmp(parts.data(), whole.data(), whole.size() * sizeof(float)))
          << name(kernel, shape) << " step " << step;
    }
  }
}

TEST(Attention, EveryInstructionSetGivesTheSameBytes) {
  for (const Shape& shape : shapes()) {
    for (const CacheType type : {CacheType::kF32, CacheType::kF16}) {
      const Inputs in = make_inputs(shape, type);
      std::vector<float> first;
      for (const AttentionKernel& kernel : host_kernels()) {
        if (kernel.type != type) continue;
        const Cache cache(kernel, shape, in, 0, in.positions);
        const std::vector<float> out = attend(kernel, shape, in, cache, 0, shape.rows);
        if (first.empty()) first = out;
        ASSERT_EQ(0, std::memcmp(out.data(), first.data(), out.size() * sizeof(float)))
            << name(kernel, shape);
      }
    }
  }
}

// What a later partition is merged with: the largest visible score, and the sum of exp(score - it).
TEST(Attention, TheStateIsTheLargestScoreAndTheSum) {
  const Shape shape = {.head_dim = 80, .group = 3, .rows = 5, .first_position = 170, .window = 50};
  for (const AttentionKernel& kernel : host_kernels()) {
    const Inputs in = make_inputs(shape, kernel.type);
    const Cache cache(kernel, shape, in, 0, in.positions);
    State state(15, 80);
    kernel.attend({in.queries.data(), in.query_stride, 5, 170, 3, 80, cache.blocks(0), 0, 175, 50,
                   in.scale, state.max.data(), state.sum.data(), state.acc.data()});
    for (std::size_t query = 0; query < 15; ++query) {
      const std::size_t position = 170 + query / 3;
      double top = -std::numeric_limits<double>::infinity(), sum = 0;
      std::vector<double> score;
      for (std::size_t key = position - 49; key <= position; ++key) {
        double s = 0;
        for (std::size_t d = 0; d < 80; ++d) {
          const float q = in.queries[query / 3 * in.query_stride + query % 3 * 80 + d];
          s += static_cast<double>(q) * in.scale * in.keys[key * 80 + d];
        }
        score.push_back(s);
        top = std::max(top, s);
      }
      for (const double s : score) sum += std::exp(s - top);
      // |q k| ≤ 4 * 3 / sqrt(80), 80 of them in a chain of 81 roundings; the sum as in expect(),
      // depth ≤ 100.
      const double score_bound = 81 * 0x1p-24 * 80 * 12 / std::sqrt(80.0);
      EXPECT_NEAR(state.max[query], top, score_bound) << name(kernel, shape);
      EXPECT_NEAR(state.sum[query], sum, sum * (2 * score_bound + 200 * 0x1p-24))
          << name(kernel, shape);
    }
  }
}

TEST(Attention, APartitionThatARowCannotSeeIsEmptyAndMergesToNothing) {
  const Shape shape = {.head_dim = 20, .group = 2, .rows = 3, .first_position = 600, .window = 40};
  for (const AttentionKernel& kernel : host_kernels()) {
    const Inputs in = make_inputs(shape, kernel.type);
    const Cache cache(kernel, shape, in, 512, in.positions);
    State part(6, 20);
    kernel.attend({in.queries.data(), in.query_stride, 3, 600, 2, 20, cache.blocks(0), 0, 512, 40,
                   in.scale, part.max.data(), part.sum.data(), part.acc.data()});
    for (const float m : part.max) EXPECT_EQ(m, -std::numeric_limits<float>::infinity());
    for (const float s : part.sum) EXPECT_EQ(s, 0.0f);
    for (const float a : part.acc) EXPECT_EQ(a, 0.0f);
    float max = -3.5f, sum = 0.1f;
    std::vector<float> acc(20, -0.0f);
    kernel.merge({&max, &sum, acc.data()}, {part.max.data(), part.sum.data(), part.acc.data()}, 20);
    EXPECT_EQ(max, -3.5f);
    EXPECT_EQ(sum, 0.1f);
    for (const float a : acc) EXPECT_TRUE(a == 0.0f && std::signbit(a));
  }
}

TEST(Attention, LargeScoresNeitherOverflowNorUnderflow) {
  const Shape shape = {.head_dim = 16, .group = 1, .rows = 1, .first_position = 70, .window = 0};
  for (const AttentionKernel& kernel : host_kernels()) {
    Inputs in = make_inputs(shape, kernel.type);
    for (std::size_t d = 0; d < 16; ++d) in.queries[d] = 1000.0f;
    for (std::size_t i = 0; i < in.keys.size(); ++i) in.keys[i] = i / 16 == 40 ? 100.0f : -100.0f;
    const Cache cache(kernel, shape, in, 0, in.positions);
    const std::vector<float> out = attend(kernel, shape, in, cache, 0, 1);
    for (std::size_t d = 0; d < 16; ++d)
      EXPECT_EQ(out[d], in.values[40 * 16 + d]) << isa_name(kernel.isa);
  }
}

TEST(Attention, SelectionGivesTheBestThatIsAllowed) {
  for (const CacheType type : {CacheType::kF32, CacheType::kF16}) {
    EXPECT_EQ(select_attention(type, Isa::kPortable).isa, Isa::kPortable);
    for (const AttentionKernel& kernel : attention_kernels()) {
      const AttentionKernel& chosen = select_attention(type, kernel.isa);
      EXPECT_EQ(chosen.isa, kernel.isa);
      EXPECT_EQ(chosen.type, type);
    }
  }
}

}  // namespace
}  // namespace hearth
