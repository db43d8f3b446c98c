// Every variant this machine can run, against an f64 product of decode()'s weights and the
// converted activations. The bound is derived: an output is a sum of at most cols / sub + cols /
// block f32 terms, each through at most 6 more roundings (scales, minima, decode's own two), so it
// is off by at most (terms + 8) * 2^-24 * the sum of magnitudes before any cancellation.
#include "kernels/matmul/matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "base/half.h"
#include "base/random.h"
#include "kernels/matmul/activation.h"
#include "kernels/matmul/codes.h"
#include "kernels/matmul/test_weights.h"
#include "tensor/decode.h"

namespace hearth {
namespace {

constexpr Isa kIsas[] = {Isa::kPortable, Isa::kAvx2, Isa::kAvx2Vnni, Isa::kAvx512Vnni,
                         Isa::kAvx512Bf16};
constexpr std::byte kCanary{0xa5};
constexpr float kUnwritten = 12345.0f;

// Zero-filled bytes, 64-byte aligned, with 64 canary bytes behind them.
class Guarded {
 public:
  explicit Guarded(std::size_t bytes) : bytes_(bytes), store_(bytes + 128) {
    const auto address = reinterpret_cast<std::uintptr_t>(store_.data());
    data_ = store_.data() + (64 - address % 64) % 64;
    std::memset(data_ + bytes_, static_cast<int>(kCanary), 64);
  }
  std::byte* data() const { return data_; }
  bool intact() const {
    return std::all_of(data_ + bytes_, data_ + bytes_ + 64, [](auto b) { return b == kCanary; });
  }

 private:
  std::size_t bytes_;
  std::vector<std::byte> store_;
  std::byte* data_;
};

std::size_t block_of(DType type) { return dtype_info(type).block_elements; }

std::vector<float> random_activations(std::size_t count, Random& random) {
  std::vector<float> x(count);
  for (float& value : x) value = static_cast<float>((random.uniform() - 0.5) * 4);
  return x;
}

struct Product {
  const MatmulKernel& kernel;
  std::size_t weight_rows, cols;
  std::vector<std::byte> weights;  // [weight_rows, row_bytes]
  Guarded panels;

  Product(const MatmulKernel& used, std::size_t rows, std::size_t k, std::vector<std::byte> stored)
      : kernel(used),
        weight_rows(rows),
        cols(k),
        weights(std::move(stored)),
        panels(panel_count() * used.panel_bytes(k)) {
    const std::size_t stride = row_bytes(kernel.type, cols);
    for (std::size_t p = 0; p < panel_count(); ++p) {
      const std::size_t first = p * kernel.panel_rows;
      const std::size_t count = std::min<std::size_t>(kernel.panel_rows, weight_rows - first);
      kernel.pack(weights.data() + first * stride, count, stride, cols,
                  panels.data() + p * kernel.panel_bytes(cols));
    }
    EXPECT_TRUE(panels.intact());
  }

  std::size_t panel_count() const {
    return (weight_rows + kernel.panel_rows - 1) / kernel.panel_rows;
  }
  std::size_t out_cols() const { return panel_count() * kernel.panel_rows; }
  const ActivationKernel& activation() const {
    return select_activation(kernel.activation, kernel.isa);
  }

  // x [rows, cols] → converted rows
  Guarded convert(const std::vector<float>& x) const {
    const std::size_t bytes = activation().row_bytes(cols);
    Guarded converted(x.size() / cols * bytes);
    for (std::size_t n = 0; n < x.size() / cols; ++n)
      activation().convert(x.data() + n * cols, cols, converted.data() + n * bytes);
    EXPECT_TRUE(converted.intact());
    return converted;
  }

  // → [rows, out_cols]; the stride leaves a gap of 3 floats that must stay unwritten.
  std::vector<float> multiply(const std::byte* converted, std::size_t rows) const {
    const std::size_t stride = out_cols() + 3;
    std::vector<float> padded(rows * stride, kUnwritten);
    Guarded scratch(kernel.scratch_bytes(cols));
    kernel.multiply({panels.data(), panel_count(), cols, converted, activation().row_bytes(cols),
                     rows, padded.data(), stride, scratch.data()});
    EXPECT_TRUE(scratch.intact());
    std::vector<float> out;
    for (std::size_t n = 0; n < rows; ++n) {
      const auto row = padded.begin() + static_cast<std::ptrdiff_t>(n * stride);
      out.insert(out.end(), row, row + static_cast<std::ptrdiff_t>(out_cols()));
      for (std::size_t gap = out_cols(); gap < stride; ++gap)
        EXPECT_EQ(padded[n * stride + gap], kUnwritten);
    }
    return out;
  }
};

// What the converted row stands for, in f64.
std::vector<double> dequantized(ActivationFormat format, const std::byte* row, std::size_t cols) {
  std::vector<double> x(cols);
  for (std::size_t k = 0; k < cols; ++k) {
    switch (format) {
      case ActivationFormat::kF32: x[k] = reinterpret_cast<const float*>(row)[k]; break;
      case ActivationFormat::kQ8x32: {
        const auto& unit = reinterpret_cast<const ActivationUnit32*>(row)[k / 32];
        x[k] = static_cast<double>(unit.d) * unit.q[k % 32];
        break;
      }
      case ActivationFormat::kQ8x256: {
        const auto& unit = reinterpret_cast<const ActivationUnit256*>(row)[k / 256];
        x[k] = static_cast<double>(unit.d) * unit.q[k % 256];
        break;
      }
      case ActivationFormat::kBF16:
        x[k] = bf16_to_float(reinterpret_cast<const std::uint16_t*>(row)[k]);
        break;
    }
  }
  return x;
}

// How large the parts of each element are before they cancel: |scale * code| + |min|.
std::vector<double> magnitudes(DType type, const std::byte* row, std::size_t cols) {
  std::vector<float> value(cols);
  decode(type, row, cols, value.data());
  std::vector<double> size(value.begin(), value.end());
  for (double& s : size) s = std::fabs(s);
  if (!weight_format(type).has_min) return size;
  const std::size_t block = block_of(type), bytes = dtype_info(type).block_bytes;
  for (std::size_t b = 0; b < cols / block; ++b) {
    const double min = std::fabs(test_weights::largest_min(type, row + b * bytes));
    for (std::size_t e = 0; e < block; ++e) size[b * block + e] += 2 * min;
  }
  return size;
}

void expect_close(const Product& product, const std::byte* converted, std::size_t rows) {
  const DType type = product.kernel.type;
  const std::size_t cols = product.cols, stride = row_bytes(type, cols);
  const WeightFormat shape = weight_format(type);
  const double terms = static_cast<double>(cols / shape.sub + cols / shape.block + 8);
  const std::vector<float> out = product.multiply(converted, rows);
  for (std::size_t n = 0; n < rows; ++n) {
    const std::vector<double> x = dequantized(
        product.kernel.activation, converted + n * product.activation().row_bytes(cols), cols);
    for (std::size_t r = 0; r < product.out_cols(); ++r) {
      const float got = out[n * product.out_cols() + r];
      if (r >= product.weight_rows) {
        EXPECT_EQ(got, 0.0f) << "padding row " << r;
        continue;
      }
      std::vector<float> w(cols);
      decode(type, product.weights.data() + r * stride, cols, w.data());
      if (product.kernel.is_fast())
        for (float& value : w) value = bf16_to_float(float_to_bf16(value));
      const std::vector<double> size = magnitudes(type, product.weights.data() + r * stride, cols);
      double exact = 0, sum_of_sizes = 0;
      for (std::size_t k = 0; k < cols; ++k) {
        exact += w[k] * x[k];
        sum_of_sizes += size[k] * std::fabs(x[k]);
      }
      ASSERT_NEAR(got, exact, terms * 0x1p-24 * sum_of_sizes) << "n " << n << " r " << r;
    }
  }
}

// `rows` rows together have the bits that each has alone.
void expect_as_alone(const Product& product, const std::byte* converted, std::size_t rows) {
  const std::vector<float> together = product.multiply(converted, rows);
  const std::size_t bytes = product.activation().row_bytes(product.cols);
  for (std::size_t n = 0; n < rows; ++n) {
    const std::vector<float> alone = product.multiply(converted + n * bytes, 1);
    ASSERT_EQ(0,
              std::memcmp(&together[n * alone.size()], alone.data(), alone.size() * sizeof(float)))
        << "row " << n << " of " << rows;
  }
}

class Matmul : public testing::TestWithParam<std::size_t> {
 protected:
  const MatmulKernel& kernel() const { return matmul_kernels()[GetParam()]; }
  bool supported() const { return isa_supported(kernel().isa); }
  std::vector<std::size_t> columns() const {
    switch (block_of(kernel().type)) {
      case 1: return {1, 2, 3, 7, 15, 64, 129};
      case 32: return {32, 64, 96, 576};
      default: return {256, 512, 768};
    }
  }
};

TEST_P(Matmul, AgreesWithDecodedWeights) {
  if (!supported()) GTEST_SKIP() << "this CPU lacks it";
  Random random(1);
  for (const std::size_t cols : columns()) {
    for (const std::size_t weight_rows : {1u, 5u, 16u, 33u}) {
      const Product product(kernel(), weight_rows, cols,
                            test_weights::random(kernel().type, weight_rows, cols, random));
      for (const std::size_t rows : {1u, 2u, 3u, 4u, 7u, 8u, 13u, 25u}) {
        const Guarded converted = product.convert(random_activations(rows * cols, random));
        expect_close(product, converted.data(), rows);
        if (HasFatalFailure()) FAIL() << "cols " << cols << " rows " << rows;
      }
    }
  }
}

// Every code at its ends against activations of full magnitude: no sum of integers may wrap.
TEST_P(Matmul, SurvivesExtremeCodes) {
  if (!supported()) GTEST_SKIP() << "this CPU lacks it";
  if (block_of(kernel().type) == 1) return;  // a float type has no blocks
  const std::size_t cols = 512;
  for (const int fill : {0x00, 0xff, 0x80, 0x7f}) {
    const Product product(
        kernel(), 3, cols,
        test_weights::filled(kernel().type, 3, cols, static_cast<std::uint8_t>(fill)));
    std::vector<float> x(4 * cols, 1.0f);
    for (std::size_t k = 0; k < cols; ++k) {
      x[cols + k] = -1.0f;
      x[2 * cols + k] = k % 2 == 0 ? 1.0f : -1.0f;
      x[3 * cols + k] = k % 8 < 4 ? 1.0f : -1.0f;
    }
    expect_close(product, product.convert(x).data(), 4);
  }
}

// Decision 4: a row's numbers do not depend on how many rows are computed with it, nor on panels.
TEST_P(Matmul, RowsAreIndependent) {
  if (!supported()) GTEST_SKIP() << "this CPU lacks it";
  Random random(2);
  const std::size_t cols = block_of(kernel().type) == 256 ? 768 : 160, weight_rows = 70;
  const Product product(kernel(), weight_rows, cols,
                        test_weights::random(kernel().type, weight_rows, cols, random));
  const Guarded converted = product.convert(random_activations(64 * cols, random));
  for (std::size_t rows = 1; rows <= 64; rows = rows == 33 ? 64 : rows + 1)
    expect_as_alone(product, converted.data(), rows);
}

// Float weights are made f32 kFloatColumns at a time, on x86 from 32 rows on: three pieces, and
// rows that fill no tile.
TEST_P(Matmul, PiecesOfColumns) {
  if (!supported()) GTEST_SKIP() << "this CPU lacks it";
  if (block_of(kernel().type) != 1) return;
  Random random(7);
  const std::size_t cols = 2 * kFloatColumns + 7, weight_rows = 37;
  const Product product(kernel(), weight_rows, cols,
                        test_weights::random(kernel().type, weight_rows, cols, random));
  EXPECT_LE(kernel().scratch_bytes(cols), kFloatColumns * kernel().panel_rows * sizeof(float));
  const Guarded converted = product.convert(random_activations(45 * cols, random));
  for (const std::size_t rows : {31u, 32u, 33u, 45u}) {
    expect_as_alone(product, converted.data(), rows);
    expect_close(product, converted.data(), rows);
  }
}

TEST_P(Matmul, ForcedVariantIsTheOneThatRuns) {
  if (!supported()) GTEST_SKIP() << "this CPU lacks it";
  EXPECT_EQ(&select_matmul(kernel().type, kernel().isa, kernel().is_fast()), &kernel());
  EXPECT_FALSE(select_matmul(kernel().type, kernel().isa).is_fast());
  for (const MatmulKernel& other : matmul_kernels()) {
    if (&other != &kernel()) {
      EXPECT_NE(other.multiply, kernel().multiply);
    }
  }
}

std::string variant_name(const testing::TestParamInfo<std::size_t>& info) {
  const MatmulKernel& kernel = matmul_kernels()[info.param];
  return std::string(dtype_info(kernel.type).name) + "_" + std::string(isa_name(kernel.isa));
}
INSTANTIATE_TEST_SUITE_P(Variants, Matmul, testing::Range<std::size_t>(0, matmul_kernels().size()),
                         variant_name);

TEST(MatmulSelection, EveryTypeOnEveryInstructionSet) {
  for (const DTypeInfo& info : all_dtypes()) {
    for (const Isa isa : kIsas) {
      const MatmulKernel& kernel = select_matmul(info.type, isa);
      EXPECT_EQ(kernel.type, info.type);
      EXPECT_LE(kernel.isa, isa);
      const bool served_below = isa == Isa::kAvx512Bf16 && info.type != DType::kBF16;
      if (isa_supported(isa)) {
        EXPECT_EQ(kernel.isa, served_below ? Isa::kAvx512Vnni : isa)
            << info.name << " " << isa_name(isa);
      }
      EXPECT_TRUE(kernel.in_place || kernel.panel_bytes(256 * 3) % 64 == 0);
    }
  }
}

template <typename Type>
class Packing : public testing::Test {};
template <DType kType>
using Type = std::integral_constant<DType, kType>;
using QuantizedTypes = testing::Types<Type<DType::kQ4_0>, Type<DType::kQ4_1>, Type<DType::kQ5_0>,
                                      Type<DType::kQ5_1>, Type<DType::kQ8_0>, Type<DType::kIQ4_NL>,
                                      Type<DType::kQ2_K>, Type<DType::kQ3_K>, Type<DType::kQ4_K>,
                                      Type<DType::kQ5_K>, Type<DType::kQ6_K>, Type<DType::kIQ4_XS>>;
TYPED_TEST_SUITE(Packing, QuantizedTypes);

template <DType kType>
Codes codes_at(const std::byte* row, std::size_t b) {
  using Block = typename BlockOf<kType>::type;
  Codes codes;
  read_codes(reinterpret_cast<const Block*>(row)[b], codes);
  return codes;
}

// A wrong code, scale or minimum is off by a whole step of it; three roundings are not.
TYPED_TEST(Packing, CodesAreWhatDecodeReads) {
  constexpr DType kType = TypeParam::value;
  constexpr WeightFormat kFormat = weight_format(kType);
  constexpr bool kWhole = kFormat.block == 32;
  Random random(4);
  const std::size_t cols = 64 * kFormat.block;
  const std::vector<std::byte> row = test_weights::random(kType, 1, cols, random);
  std::vector<float> value(cols);
  decode(kType, row.data(), cols, value.data());
  for (std::size_t k = 0; k < cols; ++k) {
    const Codes codes = codes_at<kType>(row.data(), k / kFormat.block);
    const std::size_t e = k % kFormat.block, sub = e / kFormat.sub;
    const double d = static_cast<double>(half_to_float(codes.d));
    const double m = kFormat.has_min ? static_cast<double>(half_to_float(codes.m)) : 0;
    const int q = kFormat.has_table ? kIq4Values[codes.code[e] & 15] : codes.code[e] - kFormat.zero;
    const double scaled = d * (kWhole ? 1 : codes.scale[sub]) * q;
    const double min = kWhole ? -m : m * (kFormat.has_min ? codes.min[sub] : 0);
    ASSERT_NEAR(value[k], scaled - min, 0x1p-22 * (std::fabs(scaled) + std::fabs(min))) << k;
  }
}

// The layout as weight_format.h words it, one element at a time.
template <DType kType, std::size_t kRows>
struct Reference {
  using Layout = PanelLayout<kType, kRows>;
  static constexpr WeightFormat kFormat = Layout::kFormat;
  std::vector<std::byte> panel;

  void put(std::size_t at, unsigned value) { panel[at] |= static_cast<std::byte>(value); }
  void put_half(std::size_t at, std::uint16_t half) {
    put(at, half & 255u);
    put(at + 1, half >> 8u);
  }
  void put_plane(std::size_t unit_at, std::size_t bits, std::size_t e, unsigned value) {
    const std::size_t group = e / 4, vector = group * bits / 8, shift = group * bits % 8;
    put(unit_at + vector * 4 * kRows + e % 4, (value & ((1u << bits) - 1)) << shift);
  }
  void put_block(const Codes& codes, std::size_t b, std::size_t row) {
    const std::size_t unit = Layout::kPaired ? b % 2 : 0;
    const std::size_t at = (Layout::kPaired ? b / 2 : b) * Layout::kBytes;
    put_half(at + Layout::kDAt + (unit * kRows + row) * 2, codes.d);
    if (kFormat.has_min) put_half(at + Layout::kMAt + (unit * kRows + row) * 2, codes.m);
    for (std::size_t e = 0; e < kFormat.block; ++e) {
      const std::size_t low = at + Layout::kUnitsAt + (unit + e / 32) * Layout::kUnit + 4 * row;
      put_plane(low, kFormat.low_bits, e % 32, codes.code[e]);
      if (kFormat.high_bits != 0)
        put_plane(low + Layout::kLow, kFormat.high_bits, e % 32, codes.code[e] >> kFormat.low_bits);
    }
    for (std::size_t i = 0; i < Layout::kSubs && !Layout::kPaired; ++i) {
      const auto scale = static_cast<std::uint8_t>(codes.scale[i]);
      const std::size_t beside = at + Layout::kMinsAt + (i / 2 * kRows + row) * 2 + i % 2;
      put(Layout::kNibbleScales ? beside : at + Layout::kScalesAt + i * kRows + row, scale);
      if (kFormat.has_min) put(beside, codes.min[i] * (Layout::kNibbleScales ? 16u : 1u));
    }
  }
};

template <DType kType, std::size_t kRows>
void expect_reference_bytes() {
  constexpr std::size_t kBlock = weight_format(kType).block;
  const auto kernel = std::ranges::find_if(matmul_kernels(), [](const MatmulKernel& k) {
    return k.type == kType && k.panel_rows == kRows;
  });
  ASSERT_NE(kernel, matmul_kernels().end());
  Random random(5);
  for (const std::size_t blocks : {1u, 2u, 3u, 6u}) {
    const std::size_t cols = blocks * kBlock, stride = row_bytes(kType, cols);
    const std::vector<std::byte> rows = test_weights::random(kType, kRows, cols, random);
    for (const std::size_t count : {std::size_t{1}, kRows / 2 + 1, kRows - 1, kRows}) {
      Reference<kType, kRows> want{std::vector<std::byte>(kernel->panel_bytes(cols))};
      for (std::size_t row = 0; row < count; ++row)
        for (std::size_t b = 0; b < blocks; ++b)
          want.put_block(codes_at<kType>(rows.data() + row * stride, b), b, row);
      const Guarded got(want.panel.size());
      std::memset(got.data(), 0x5a, want.panel.size());
      kernel->pack(rows.data(), count, stride, cols, got.data());
      EXPECT_TRUE(got.intact());
      EXPECT_EQ(0, std::memcmp(want.panel.data(), got.data(), want.panel.size()))
          << count << " rows of " << kRows << ", " << blocks << " blocks";
    }
  }
}

TYPED_TEST(Packing, PanelsAreLaidOutAsDocumented) {
  expect_reference_bytes<TypeParam::value, 8>();
  expect_reference_bytes<TypeParam::value, 16>();
}

TEST(PackingFloats, ColumnsStandSideBySide) {
  Random random(6);
  for (const MatmulKernel& kernel : matmul_kernels()) {
    // Pairs of bf16 have another layout, which the products prove.
    if (block_of(kernel.type) != 1 || kernel.activation == ActivationFormat::kBF16) continue;
    const std::size_t size = dtype_info(kernel.type).block_bytes;
    for (const std::size_t cols : {1u, 7u, 8u, 32u, 45u, 77u}) {
      const std::size_t bytes = kernel.panel_bytes(cols);
      for (const std::size_t count : {1u, 5u, kernel.panel_rows}) {
        const std::vector<std::byte> rows = test_weights::random(kernel.type, count, cols, random);
        std::vector<std::byte> want(bytes);
        for (std::size_t row = 0; row < count; ++row)
          for (std::size_t k = 0; k < cols; ++k)
            std::memcpy(&want[(k * kernel.panel_rows + row) * size], &rows[(row * cols + k) * size],
                        size);
        const Guarded got(bytes);
        std::memset(got.data(), 0x5a, bytes);
        kernel.pack(rows.data(), count, cols * size, cols, got.data());
        EXPECT_TRUE(got.intact());
        EXPECT_EQ(0, std::memcmp(want.data(), got.data(), bytes)) << count << " × " << cols;
      }
    }
  }
}

class Activation : public testing::TestWithParam<std::size_t> {
 protected:
  const ActivationKernel& kernel() const { return activation_kernels()[GetParam()]; }
  bool supported() const { return isa_supported(kernel().isa); }
  bool is_float() const {
    return kernel().format == ActivationFormat::kF32 || kernel().format == ActivationFormat::kBF16;
  }
  // Nothing portable multiplies bfloat16 pairs. Nearest even, but subnormal numbers become zeros.
  void convert_portably(const std::vector<float>& x, std::byte* row) const {
    if (kernel().format != ActivationFormat::kBF16)
      return select_activation(kernel().format, Isa::kPortable).convert(x.data(), x.size(), row);
    for (std::size_t k = 0; k < x.size(); ++k)
      reinterpret_cast<std::uint16_t*>(row)[k] =
          float_to_bf16(std::fabs(x[k]) < 0x1p-126f ? std::copysign(0.0f, x[k]) : x[k]);
  }
  // Every instruction set quantizes to the same bytes as the portable one.
  void expect_as_portable(const std::vector<float>& x) const {
    const std::size_t bytes = kernel().row_bytes(x.size());
    ASSERT_EQ(bytes % 128, 64u);
    Guarded want(bytes), got(bytes);
    convert_portably(x, want.data());
    kernel().convert(x.data(), x.size(), got.data());
    EXPECT_TRUE(got.intact());
    EXPECT_EQ(0, std::memcmp(want.data(), got.data(), bytes));
  }
};

TEST_P(Activation, IsNearestAndTheSameEverywhere) {
  if (!supported()) GTEST_SKIP() << "this CPU lacks it";
  Random random(3);
  for (const std::size_t cols : {256u, 768u, 1024u}) {
    std::vector<float> x = random_activations(cols, random);
    expect_as_portable(x);
    if (is_float()) continue;
    Guarded row(kernel().row_bytes(cols));
    kernel().convert(x.data(), cols, row.data());
    const std::vector<double> back = dequantized(kernel().format, row.data(), cols);
    const std::size_t unit = kernel().format == ActivationFormat::kQ8x32 ? 32 : 256;
    for (std::size_t k = 0; k < cols; k += unit) {
      double max = 0;
      for (std::size_t i = 0; i < unit; ++i) max = std::fmax(max, std::fabs(x[k + i]));
      // Half a step, and three roundings of numbers up to 127 steps.
      for (std::size_t i = 0; i < unit; ++i)
        ASSERT_NEAR(back[k + i], x[k + i], max / 127 * (0.5 + 3 * 127 * 0x1p-24));
    }
  }
}

TEST_P(Activation, FloatsOfAnyLength) {
  if (!supported()) GTEST_SKIP() << "this CPU lacks it";
  Random random(4);
  for (std::size_t cols = 1; is_float() && cols <= 70; ++cols)
    expect_as_portable(random_activations(cols, random));
}

TEST_P(Activation, TiesZerosAndTinyNumbers) {
  if (!supported()) GTEST_SKIP() << "this CPU lacks it";
  std::vector<float> x(512, 0.0f);
  expect_as_portable(x);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 255) - 127.0f + 0.5f;
  x[0] = x[32] = 127.0f;
  expect_as_portable(x);
  // bfloat16 keeps 7 bits behind the point: every other one is a tie.
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 1.0f + static_cast<float>(i) * 0x1p-9f;
  expect_as_portable(x);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 3 == 0 ? 1e-42f : -1e-38f;
  expect_as_portable(x);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 2 == 0 ? 3e38f : -1e30f;
  expect_as_portable(x);
}

std::string activation_name(const testing::TestParamInfo<std::size_t>& info) {
  const ActivationKernel& kernel = activation_kernels()[info.param];
  const char* const formats[] = {"f32", "q8x32", "q8x256", "bf16"};
  return std::string(formats[static_cast<int>(kernel.format)]) + "_" +
         std::string(isa_name(kernel.isa));
}
INSTANTIATE_TEST_SUITE_P(Variants, Activation,
                         testing::Range<std::size_t>(0, activation_kernels().size()),
                         activation_name);

}  // namespace
}  // namespace hearth
