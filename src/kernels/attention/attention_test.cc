// Attention: every variant this CPU has, against float64, and against itself row by row, byte for
// byte. Slots that a query may not see hold NaN.
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
  return std::string(isa_name(kernel.isa)) + " " + std::string(cache_type_name(kernel.types.key)) +
         "," + std::string(cache_type_name(kernel.types.value)) + ", head_dim " +
         text(shape.head_dim) + ", group " + text(shape.group) + ", rows " + text(shape.rows) +
         " from " + text(shape.first_position) + ", window " + text(shape.window);
}

// Queries, keys and values, as the cache type keeps them.
struct Inputs {
  std::vector<float> queries;  // [rows, group, head_dim], one more float between rows
  std::vector<float> keys;     // [positions, head_dim]
  std::vector<float> values;   // [positions, head_dim]
  std::size_t positions, query_stride;
  float scale;
};

Inputs make_inputs(const Shape& shape, CacheTypes types) {
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
  const auto fill = [&](std::vector<float>& cache, CacheType type) {
    for (float& x : cache) {
      x = number() * 3.0f;
      if (type == CacheType::kF16) x = half_to_float(float_to_half(x));
    }
  };
  fill(in.keys, types.key);
  fill(in.values, types.value);
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
  // in, with the keys and values that are kept of it.
  Inputs recall(const AttentionKernel& kernel, const Shape& shape, Inputs in) const {
    for (std::size_t p = 0; p < in.positions; ++p) {
      kernel.recall(blocks_[p / kBlockPositions], p % kBlockPositions, shape.head_dim,
                    &in.keys[p * shape.head_dim], &in.values[p * shape.head_dim]);
    }
    return in;
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }
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

bool is_coded(CacheType type) { return type == CacheType::kQ8 || type == CacheType::kQ4; }

double norm(const float* x, std::size_t dim) {
  double squares = 0;
  for (std::size_t d = 0; d < dim; ++d) squares += double{x[d]} * x[d];
  return std::sqrt(squares);
}

constexpr double kUnit = 0x1p-24;

// How far a score may be from the float64 one.
//   f32, f16: head_dim + 1 roundings (the chain, q * scale) of at most sum |q k| = products
//   coded: a rotation is log2(head_dim) + 2 roundings of a vector of that norm, two vectors are
//   rotated (the key twice: stored, and recalled here), and 4 more; the query is rounded by half of
//   its largest number / query_max a dimension, each times at most |k|.
double score_error(CacheType type, std::size_t dim, double products, double norms) {
  const auto n = static_cast<double>(dim);
  if (!is_coded(type)) return (n + 1) * kUnit * products;
  const double dims = std::ceil(n / 32) * 32, query_max = std::floor(0x1p31 / (8001.0 * dims)) - 1;
  return norms * (3 * (std::log2(n) + 6) * kUnit + 0.5 / query_max * std::sqrt(n));
}

// float64 softmax(q · k) · v of one query over what the cache keeps, and how far a kernel may be
// from it.
//   p = exp(s - m): relative 2 max |ds| + roundings of s - m (u |s - m|) + exp's own 2 ulp = 4 u
//   sums of n keys, with a rescaling (exp, product: 6 u) per block and partition: (n + 8 (n / 32 +
//   2)) u
// each once in the numerator and once in the denominator, and one division. Coded values are summed
// and rotated as vectors, whose norm stands for each of their numbers; their weights are rounded by
// at most 2^-11.5 of the block's largest p times its largest value: half of 2^(e + t - 11), 2^e ≤
// sqrt(2) p.
struct Expected {
  std::vector<double> out, tolerance;
};

struct Scores {
  std::vector<double> score;  // from the first visible key on
  double top = -std::numeric_limits<double>::infinity(), depth = 0, error = 0;
};

Scores score_all(const Shape& shape, const Inputs& kept, CacheType type, const float* q,
                 std::size_t begin, std::size_t end) {
  const std::size_t dim = shape.head_dim;
  Scores all;
  for (std::size_t key = begin; key < end; ++key) {
    double s = 0, products = 0;
    for (std::size_t d = 0; d < dim; ++d) {
      const double product = static_cast<double>(q[d]) * kept.scale * kept.keys[key * dim + d];
      s += product;
      products += std::fabs(product);
    }
    all.score.push_back(s);
    all.top = std::max(all.top, s);
    const double norms = norm(q, dim) * kept.scale * norm(&kept.keys[key * dim], dim);
    all.error = std::max(all.error, score_error(type, dim, products, norms));
  }
  for (const double s : all.score) all.depth = std::max(all.depth, all.top - s);
  return all;
}

// The part of the tolerance that coded weights add to every dimension, times sum.
double weight_error(const Inputs& kept, const Scores& scores, std::size_t dim, std::size_t begin) {
  double total = 0;
  for (std::size_t i = 0; i < scores.score.size();) {
    const std::size_t block_end = (begin + i) / kBlockPositions * kBlockPositions + kBlockPositions;
    double p_max = 0, norm_max = 0, keys = 0;
    for (; i < scores.score.size() && begin + i < block_end; ++i, ++keys) {
      p_max = std::max(p_max, std::exp(scores.score[i] - scores.top));
      norm_max = std::max(norm_max, norm(&kept.values[(begin + i) * dim], dim));
    }
    total += keys * p_max * norm_max * std::exp2(-11.5);
  }
  return total * std::sqrt(static_cast<double>(dim));
}

Expected expect(const Shape& shape, const Inputs& kept, CacheTypes types, std::size_t row,
                std::size_t head) {
  const std::size_t dim = shape.head_dim, position = shape.first_position + row;
  const std::size_t begin = first_visible(shape, position);
  const float* q = &kept.queries[row * kept.query_stride + head * dim];
  const Scores scores = score_all(shape, kept, types.key, q, begin, position + 1);
  const bool coded = is_coded(types.value);
  double sum = 0;
  Expected want{std::vector<double>(dim, 0.0), std::vector<double>(dim, 0.0)};
  for (std::size_t i = 0; i < scores.score.size(); ++i) {
    const double p = std::exp(scores.score[i] - scores.top);
    const float* value = &kept.values[(begin + i) * dim];
    const double value_norm = norm(value, dim);
    sum += p;
    for (std::size_t d = 0; d < dim; ++d) {
      want.out[d] += p * value[d];
      want.tolerance[d] += p * (coded ? value_norm : std::fabs(double{value[d]}));
    }
  }
  const auto n = static_cast<double>(scores.score.size());
  const double rotation = coded ? 2 * (std::log2(static_cast<double>(dim)) + 4) * kUnit : 0;
  const double relative =
      2 * scores.error + (scores.depth + 4 + n + 8 * (n / 32 + 2)) * kUnit + rotation;
  const double weights = coded ? weight_error(kept, scores, dim, begin) : 0.0;
  for (std::size_t d = 0; d < dim; ++d) {
    want.out[d] /= sum;
    want.tolerance[d] = (want.tolerance[d] * (2 * relative + kUnit) + weights) / sum;
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

std::vector<Expected> expect_all(const Shape& shape, const Inputs& kept, CacheTypes types) {
  std::vector<Expected> all;
  for (std::size_t query = 0; query < shape.rows * shape.group; ++query) {
    all.push_back(expect(shape, kept, types, query / shape.group, query % shape.group));
  }
  return all;
}

std::vector<CacheTypes> all_types() {
  std::vector<CacheTypes> types;
  for (const AttentionKernel& kernel : attention_kernels()) {
    if (kernel.isa == Isa::kPortable) types.push_back(kernel.types);
  }
  return types;
}

// Of the shapes, those that this type is tried on: all for the plain ones, a different third for
// each other pair.
std::vector<Shape> shapes_of(CacheTypes types) {
  if (types.key == types.value && !is_coded(types.key)) return shapes();
  const std::size_t turn =
      static_cast<std::size_t>(types.key) + static_cast<std::size_t>(types.value);
  std::vector<Shape> some;
  const std::vector<Shape> all = shapes();
  for (std::size_t i = turn % 3; i < all.size(); i += 3) some.push_back(all[i]);
  return some;
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
  for (const CacheTypes types : all_types()) {
    for (const Shape& shape : shapes_of(types)) {
      const Inputs in = make_inputs(shape, types);
      std::vector<Expected> want;
      for (const AttentionKernel& kernel : host_kernels()) {
        if (kernel.types != types) continue;
        const Cache cache(kernel, shape, in, 0, in.positions);
        if (want.empty()) want = expect_all(shape, cache.recall(kernel, shape, in), types);
        const std::vector<float> got = attend(kernel, shape, in, cache, 0, shape.rows);
        EXPECT_LE(worst_share(got, want, shape.head_dim), 1.0) << name(kernel, shape);
      }
    }
  }
}

// What is kept of vectors with an outlier, as a share of their squared norm. q8_0: an even spread
// over a step of largest / 127, largest² ≤ 5.9 variances on the mean of 16 Gaussians: 5.9 / 127² /
// 12. q4_0: what scripts/kv_codebook.py prints for its groups, 0.0018 (keys, 4) and 0.0047 (values,
// 16), and a tenth.
TEST(Attention, KeepsWhatItsBitsAllow) {
  constexpr std::size_t kDim = 128, kPositions = 512;
  const Shape shape = {
      .head_dim = kDim, .group = 1, .rows = kPositions, .first_position = 0, .window = 0};
  const auto bound = [](CacheType type, double q4) {
    return type == CacheType::kQ8 ? 5.9 / 127 / 127 / 12 : type == CacheType::kQ4 ? q4 : 0.0;
  };
  for (const AttentionKernel& kernel : host_kernels()) {
    Inputs in = make_inputs(shape, kernel.types);
    for (std::size_t p = 0; p < kPositions; ++p) {
      in.keys[p * kDim + 7] = 64.0f;
      in.values[p * kDim + p % kDim] = -64.0f;
    }
    const Cache cache(kernel, shape, in, 0, kPositions);
    const Inputs kept = cache.recall(kernel, shape, in);
    const auto lost = [](const std::vector<float>& x, const std::vector<float>& y) {
      double off = 0, all = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        off += (double{x[i]} - y[i]) * (double{x[i]} - y[i]);
        all += double{x[i]} * x[i];
      }
      return off / all;
    };
    EXPECT_LE(lost(in.keys, kept.keys), bound(kernel.types.key, 0.0020)) << name(kernel, shape);
    EXPECT_LE(lost(in.values, kept.values), bound(kernel.types.value, 0.0052))
        << name(kernel, shape);
  }
}

// One number in a vector is, rotated, the largest number in every dimension: the sums of integers
// are then as large as they get, and must not wrap.
TEST(Attention, TheLargestSumsFit) {
  for (const std::size_t head_dim : {64, 80, 256, 1024}) {
    const Shape shape = {
        .head_dim = head_dim, .group = 1, .rows = 1, .first_position = 63, .window = 0};
    for (const AttentionKernel& kernel : host_kernels()) {
      Inputs in = make_inputs(shape, kernel.types);
      in.scale = 1.0f;
      in.queries.assign(in.queries.size(), 0.0f);
      in.queries[0] = 1.0f;
      // Every second position is nothing: had a sum wrapped, it would win.
      for (auto* x : {&in.keys, &in.values}) {
        for (std::size_t i = 0; i < x->size(); ++i) {
          (*x)[i] = i % head_dim == 0 && i / head_dim % 2 == 0 ? 3.0f : 0.0f;
        }
      }
      const Cache cache(kernel, shape, in, 0, in.positions);
      const Inputs kept = cache.recall(kernel, shape, in);
      EXPECT_LE(worst_share(attend(kernel, shape, in, cache, 0, 1),
                            expect_all(shape, kept, kernel.types), head_dim),
                1.0)
          << name(kernel, shape);
    }
  }
}

// Zeros are kept as zeros; numbers next to nothing neither overflow a scale nor become NaN.
TEST(Attention, ZerosAndTinyNumbersAreKept) {
  const Shape shape = {.head_dim = 64, .group = 2, .rows = 2, .first_position = 40, .window = 0};
  for (const AttentionKernel& kernel : host_kernels()) {
    for (const float size : {0.0f, 1e-38f, 1e-30f}) {
      Inputs in = make_inputs(shape, kernel.types);
      for (float& x : in.keys) x *= size;
      for (float& x : in.values) x *= size;
      const Cache cache(kernel, shape, in, 0, in.positions);
      for (const float x : attend(kernel, shape, in, cache, 0, 2)) {
        EXPECT_LE(std::fabs(x), 3 * size) << name(kernel, shape);
      }
    }
  }
}

// A number that is not finite makes NaN or infinity of what the rows that see it get (of a plain
// value: of its dimension), and of nothing else. Slot 5 is in a block that both rows see whole; of
// 512, the first of its partition, and of 543, the last of its block, row 1 alone sees it.
struct Poison {
  const char* where;
  std::vector<float> Inputs::* numbers;
  std::size_t at;
  float number;
};

void expect_poisoned(const Shape& shape, std::size_t slot, const Poison& poison) {
  for (const AttentionKernel& kernel : host_kernels()) {
    Inputs in = make_inputs(shape, kernel.types);
    (in.*poison.numbers)[poison.at] = poison.number;
    const Cache cache(kernel, shape, in, 0, in.positions);
    const std::vector<float> out = attend(kernel, shape, in, cache, 0, shape.rows);
    const bool one_dimension = poison.numbers == &Inputs::values && !is_coded(kernel.types.value);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const bool sees = slot <= shape.first_position + i / shape.head_dim;
      const bool lost = sees && (!one_dimension || i % shape.head_dim == 0);
      ASSERT_EQ(std::isfinite(out[i]), !lost)
          << name(kernel, shape) << ", " << poison.where << " " << slot << ", out " << i;
    }
  }
}

TEST(Attention, WhatIsNotFiniteIsNotLost) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const std::size_t dim : {20, 64, 80}) {
    for (const std::size_t slot : {5, 512, 543}) {
      const Shape shape = {.head_dim = dim,
                           .group = 1,
                           .rows = 2,
                           .first_position = slot == 5 ? 63 : slot - 1,
                           .window = 0};
      expect_poisoned(shape, slot, {"NaN value", &Inputs::values, slot * dim, kNaN});
      expect_poisoned(shape, slot, {"infinite value", &Inputs::values, slot * dim, kInfinity});
      expect_poisoned(shape, slot, {"NaN key", &Inputs::keys, slot * dim, kNaN});
      expect_poisoned(shape, shape.first_position + 1,
                      {"NaN query", &Inputs::queries, dim + 1, kNaN});
    }
  }
}

// A row's bytes in a tile are those of a call for it alone, over a cache with the keys it sees and
// nothing else.
TEST(Attention, ARowDependsOnItselfAlone) {
  for (const AttentionKernel& kernel : host_kernels()) {
    for (const Shape& shape : shapes_of(kernel.types)) {
      const Inputs in = make_inputs(shape, kernel.types);
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
    const Inputs in = make_inputs(shape, kernel.types);
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
  for (const CacheTypes types : all_types()) {
    for (const Shape& shape : shapes_of(types)) {
      const Inputs in = make_inputs(shape, types);
      std::vector<float> first;
      std::vector<std::byte> stored;
      for (const AttentionKernel& kernel : host_kernels()) {
        if (kernel.types != types) continue;
        const Cache cache(kernel, shape, in, 0, in.positions);
        const std::vector<float> out = attend(kernel, shape, in, cache, 0, shape.rows);
        if (first.empty()) {
          first = out;
          stored = cache.bytes();
        }
        EXPECT_EQ(cache.bytes(), stored) << name(kernel, shape);
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
    const Inputs in = make_inputs(shape, kernel.types);
    const Cache cache(kernel, shape, in, 0, in.positions);
    const Inputs kept = cache.recall(kernel, shape, in);
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
          s += static_cast<double>(q) * in.scale * kept.keys[key * 80 + d];
        }
        score.push_back(s);
        top = std::max(top, s);
      }
      for (const double s : score) sum += std::exp(s - top);
      // |q k| ≤ 4 * 3 / sqrt(80), 80 of them, which bounds the norms too; the sum as in expect(),
      // depth ≤ 100.
      const double products = 80 * 12 / std::sqrt(80.0);
      const double score_bound = score_error(kernel.types.key, 80, products, products);
      EXPECT_NEAR(state.max[query], top, score_bound) << name(kernel, shape);
      EXPECT_NEAR(state.sum[query], sum, sum * (2 * score_bound + 200 * 0x1p-24))
          << name(kernel, shape);
    }
  }
}

TEST(Attention, APartitionThatARowCannotSeeIsEmptyAndMergesToNothing) {
  const Shape shape = {.head_dim = 20, .group = 2, .rows = 3, .first_position = 600, .window = 40};
  for (const AttentionKernel& kernel : host_kernels()) {
    const Inputs in = make_inputs(shape, kernel.types);
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
    Inputs in = make_inputs(shape, kernel.types);
    for (std::size_t d = 0; d < 16; ++d) in.queries[d] = 1000.0f;
    for (std::size_t i = 0; i < in.keys.size(); ++i) in.keys[i] = i / 16 == 40 ? 100.0f : -100.0f;
    const Cache cache(kernel, shape, in, 0, in.positions);
    const std::vector<float> out = attend(kernel, shape, in, cache, 0, 1);
    // Only key 40 counts: what is kept of its value, but for a rotation there and back and a weight
    // of 11 bits.
    const Inputs kept = cache.recall(kernel, shape, in);
    const double off = is_coded(kernel.types.value) ? 16 * 3.0 * 0x1p-11 : 0.0;
    for (std::size_t d = 0; d < 16; ++d)
      EXPECT_NEAR(out[d], kept.values[40 * 16 + d], off) << name(kernel, shape);
  }
}

TEST(Attention, SelectionGivesTheBestThatIsAllowed) {
  for (const CacheTypes types : all_types()) {
    EXPECT_EQ(select_attention(types, Isa::kPortable).isa, Isa::kPortable);
    for (const AttentionKernel& kernel : attention_kernels()) {
      const AttentionKernel& chosen = select_attention(types, kernel.isa);
      EXPECT_EQ(chosen.isa, kernel.isa);
      EXPECT_EQ(chosen.types, types);
    }
  }
}

TEST(Attention, TypesAreNamedAlikeOrApart) {
  EXPECT_EQ(cache_types_from_name("q8_0"), (CacheTypes{CacheType::kQ8, CacheType::kQ8}));
  EXPECT_EQ(cache_types_from_name("q8_0,q4_0"), (CacheTypes{CacheType::kQ8, CacheType::kQ4}));
  EXPECT_EQ(cache_types_from_name("f32"), (CacheTypes{CacheType::kF32, CacheType::kF32}));
  for (const char* name :
       {"", "f8", "q8_0,", ",f16", "f16,f16,f16", "f32,f16", "q8_0,f32", "Q8_0"}) {
    EXPECT_EQ(cache_types_from_name(name), std::nullopt) << name;
  }
  for (const CacheTypes types : all_types()) {
    const std::string name =
        std::string(cache_type_name(types.key)) + "," + std::string(cache_type_name(types.value));
    EXPECT_EQ(cache_types_from_name(name), types);
  }
}

}  // namespace
}  // namespace hearth
