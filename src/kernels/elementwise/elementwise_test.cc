// Row operations: every variant this CPU has, against double with tolerances from the count of
// roundings, and against each other byte for byte; every length 1…70, in place too, and nothing
// written past the end.
#include "kernels/elementwise/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "base/random.h"

namespace hearth {
namespace {

constexpr double kUnit = 0x1p-24;  // half an ulp of 1
constexpr float kGuard = 12345.0f;
constexpr std::size_t kLongLengths[] = {128, 576, 1000, 1537, 8960};

std::vector<ElementwiseKernel> host_kernels() {
  std::vector<ElementwiseKernel> kernels;
  for (const ElementwiseKernel& kernel : elementwise_kernels()) {
    if (isa_supported(kernel.isa)) kernels.push_back(kernel);
  }
  return kernels;
}

std::vector<std::size_t> lengths() {
  std::vector<std::size_t> all;
  for (std::size_t n = 1; n <= 70; ++n) all.push_back(n);
  all.insert(all.end(), std::begin(kLongLengths), std::end(kLongLengths));
  return all;
}

std::vector<float> numbers(std::size_t n, std::uint64_t seed, double range) {
  Random random(seed);
  std::vector<float> out(n);
  for (float& x : out) x = static_cast<float>((random.uniform() * 2.0 - 1.0) * range);
  return out;
}

using Run =
    std::function<void(const ElementwiseKernel&, const float*, const float*, std::size_t, float*)>;
using Want = std::function<double(double a, double b)>;
using Bound = std::function<double(double a, double b)>;

// out = run(a, b), apart and with out = a, on every variant: within `bound` of `want`, and the same
// bytes.
void check(double range, const Run& run, const Want& want, const Bound& bound) {
  for (const std::size_t n : lengths()) {
    const std::vector<float> a = numbers(n, n, range), b = numbers(n, n + 1000, 3.0);
    std::vector<float> first;
    for (const ElementwiseKernel& kernel : host_kernels()) {
      std::vector<float> out(n + 1, kGuard), in_place = a;
      run(kernel, a.data(), b.data(), n, out.data());
      run(kernel, in_place.data(), b.data(), n, in_place.data());
      EXPECT_EQ(out[n], kGuard) << isa_name(kernel.isa);
      ASSERT_EQ(0, std::memcmp(out.data(), in_place.data(), n * sizeof(float)))
          << isa_name(kernel.isa);
      if (first.empty()) first = out;
      ASSERT_EQ(0, std::memcmp(out.data(), first.data(), n * sizeof(float)))
          << isa_name(kernel.isa) << " n " << n;
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_LE(std::fabs(out[i] - want(a[i], b[i])), bound(a[i], b[i]))
            << isa_name(kernel.isa) << " n " << n << " i " << i << " a " << a[i] << " b " << b[i];
      }
    }
  }
}

TEST(Elementwise, Add) {
  check(
      5.0, [](const auto& kernel, auto a, auto b, auto n, auto out) { kernel.add(a, b, n, out); },
      [](double a, double b) { return a + b; },
      [](double a, double b) { return std::fabs(a + b) * kUnit; });
}

TEST(Elementwise, BlockMaxSeesEveryNumberAndEveryNan) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const ElementwiseKernel& kernel : elementwise_kernels()) {
    if (!isa_supported(kernel.isa)) continue;
    for (const std::size_t n : {1u, 63u, 64u, 65u, 128u, 200u}) {
      std::vector<float> out((n + kMaxBlock - 1) / kMaxBlock + 1, 7.0f);
      for (std::size_t at = 0; at < n; ++at) {
        std::vector<float> x(n, -infinity);
        for (const float value : {-3.0f, infinity, std::nanf("")}) {
          x[at] = value;
          kernel.block_max(x.data(), n, out.data());
          const float want = value == -3.0f ? value : infinity;
          for (std::size_t b = 0; b + 1 < out.size(); ++b) {
            ASSERT_EQ(out[b], b == at / kMaxBlock ? want : -infinity)
                << isa_name(kernel.isa) << " n " << n << " at " << at;
          }
          ASSERT_EQ(out.back(), 7.0f) << "wrote past its end";
        }
      }
    }
  }
}

TEST(Elementwise, Scale) {
  check(
      5.0,
      [](const auto& kernel, auto a, auto, auto n, auto out) { kernel.scale(a, 1.7f, n, out); },
      [](double a, double) { return a * 1.7f; },
      [](double a, double) { return std::fabs(a * 1.7f) * kUnit; });
}

// g * logistic(g) * up: logistic has exp (2 ulp = 4 u), 1 + e and a division (6 u in all), then two
// products. exp is 0 below -87.33, where the true value is under 88 * 2^-126 * |up|.
double silu(double g, double up) { return g / (1.0 + std::exp(-g)) * up; }

TEST(Elementwise, SiluMultiply) {
  for (const double range : {0.01, 1.0, 10.0, 100.0, 1000.0}) {
    check(
        range,
        [](const auto& kernel, auto a, auto b, auto n, auto out) {
          kernel.silu_multiply(a, b, n, out);
        },
        silu,
        [](double g, double up) {
          return std::fabs(silu(g, up)) * 8 * kUnit + 88 * 0x1p-126 * std::fabs(up);
        });
  }
}

double gelu_inner(double g) { return std::sqrt(2.0 / M_PI) * (g + 0.044715 * g * g * g); }
double gelu(double g, double up) { return g / (1.0 + std::exp(-2.0 * gelu_inner(g))) * up; }

// z = 2 inner has 2 rounded constants and 3 roundings: |dz| ≤ 5 u |z|, and logistic(z) moves by at
// most |dz| of itself; then as silu. Where exp is 0, |z| > 87.33 and |g| < 14.
TEST(Elementwise, GeluMultiply) {
  for (const double range : {0.01, 1.0, 5.0, 12.0, 1000.0}) {
    check(
        range,
        [](const auto& kernel, auto a, auto b, auto n, auto out) {
          kernel.gelu_multiply(a, b, n, out);
        },
        gelu,
        [](double g, double up) {
          const double z = g < 0 ? std::fabs(2.0 * gelu_inner(g)) : 1.0;
          return std::fabs(gelu(g, up)) * (8 + 5 * z) * kUnit + 14 * 0x1p-126 * std::fabs(up);
        });
  }
}

TEST(Elementwise, GeluIsTheTanhForm) {
  for (double g = -6.0; g <= 6.0; g += 0.01) {
    const double tanh_form = 0.5 * g * (1.0 + std::tanh(gelu_inner(g)));
    ASSERT_NEAR(gelu(g, 1.0), tanh_form, 1e-15 * std::fabs(g) + 1e-17);
  }
}

TEST(Elementwise, RmsNorm) {
  for (const std::size_t n : lengths()) {
    const std::vector<float> x = numbers(n, n, 4.0), weight = numbers(n, n + 7, 2.0);
    const float epsilon = n % 2 == 0 ? 1e-5f : 1e-6f;
    double squares = 0;
    for (const float v : x) squares += static_cast<double>(v) * v;
    const double factor = 1.0 / std::sqrt(squares / static_cast<double>(n) + epsilon);
    // The sum of positive terms: n / 16 + 5 roundings; halved by the root; mean, +, root, 1/x, two
    // products.
    const double roundings = (static_cast<double>(n) / 16 + 5 + 2) / 2 + 4;
    std::vector<float> first;
    for (const ElementwiseKernel& kernel : host_kernels()) {
      std::vector<float> out(n + 1, kGuard), in_place = x;
      kernel.rms_norm(x.data(), weight.data(), n, epsilon, out.data());
      kernel.rms_norm(in_place.data(), weight.data(), n, epsilon, in_place.data());
      EXPECT_EQ(out[n], kGuard);
      if (first.empty()) first = out;
      ASSERT_EQ(0, std::memcmp(out.data(), first.data(), n * sizeof(float)))
          << isa_name(kernel.isa) << n;
      ASSERT_EQ(0, std::memcmp(out.data(), in_place.data(), n * sizeof(float)))
          << isa_name(kernel.isa);
      for (std::size_t i = 0; i < n; ++i) {
        const double want = x[i] * factor * weight[i];
        ASSERT_LE(std::fabs(out[i] - want), std::fabs(want) * roundings * kUnit)
            << isa_name(kernel.isa) << " n " << n << " i " << i;
      }
    }
  }
}

// The contract's sum, written out: 16 lanes, ascending, then the tree.
TEST(Elementwise, RmsNormSumsInTheContractsOrder) {
  for (const std::size_t n : lengths()) {
    const std::vector<float> x = numbers(n, n * 3, 4.0), ones(n, 1.0f);
    float lane[16] = {};
    for (std::size_t i = 0; i < n; ++i) lane[i % 16] = std::fma(x[i], x[i], lane[i % 16]);
    for (std::size_t step = 8; step > 0; step /= 2) {
      for (std::size_t i = 0; i < step; ++i) lane[i] += lane[i + step];
    }
    const float factor = 1.0f / std::sqrt(lane[0] / static_cast<float>(n) + 1e-5f);
    for (const ElementwiseKernel& kernel : host_kernels()) {
      std::vector<float> out(n);
      kernel.rms_norm(x.data(), ones.data(), n, 1e-5f, out.data());
      for (std::size_t i = 0; i < n; ++i)
        ASSERT_EQ(out[i], x[i] * factor) << isa_name(kernel.isa) << n;
    }
  }
}

TEST(Elementwise, RopeTurnsEachPairAndLeavesTheRest) {
  for (std::size_t pairs = 1; pairs <= 70; ++pairs) {
    for (const bool neox : {false, true}) {
      const std::vector<float> head = numbers(2 * pairs + 3, pairs, 2.0),
                               angle = numbers(pairs, pairs + 9, 3.0);
      std::vector<float> c(pairs), s(pairs), first;
      for (std::size_t i = 0; i < pairs; ++i) {
        c[i] = std::cos(angle[i]);
        s[i] = std::sin(angle[i]);
      }
      for (const ElementwiseKernel& kernel : host_kernels()) {
        std::vector<float> out = head;
        kernel.rope(out.data(), c.data(), s.data(), pairs, neox);
        if (first.empty()) first = out;
        ASSERT_EQ(out, first) << isa_name(kernel.isa) << " pairs " << pairs;
        for (std::size_t i = 0; i < pairs; ++i) {
          const std::size_t at = neox ? i : 2 * i, other = neox ? i + pairs : 2 * i + 1;
          const double x = head[at], y = head[other];
          const double bound = (std::fabs(x) + std::fabs(y)) * 2 * kUnit;  // a product, a fused sum
          ASSERT_NEAR(out[at], x * c[i] - y * s[i], bound)
              << isa_name(kernel.isa) << " pairs " << pairs;
          ASSERT_NEAR(out[other], x * s[i] + y * c[i], bound)
              << isa_name(kernel.isa) << " pairs " << pairs;
        }
        for (std::size_t i = 2 * pairs; i < head.size(); ++i) ASSERT_EQ(out[i], head[i]);
      }
    }
  }
}

TEST(Elementwise, ExtremesStayFinite) {
  const std::vector<float> gate = {-3e38f, -1e4f, -88.0f, -0.0f, 0.0f, 88.0f, 1e4f, 3e38f};
  const std::vector<float> one(gate.size(), 1.0f);
  for (const ElementwiseKernel& kernel : host_kernels()) {
    std::vector<float> out(gate.size());
    kernel.silu_multiply(gate.data(), one.data(), gate.size(), out.data());
    for (std::size_t i = 0; i < gate.size(); ++i) {
      EXPECT_LE(std::fabs(out[i] - std::fmax(gate[i], 0.0f)), 1e-35f)
          << isa_name(kernel.isa) << gate[i];
    }
    kernel.gelu_multiply(gate.data(), one.data(), 8, out.data());
    for (std::size_t i = 0; i < gate.size(); ++i) {
      EXPECT_EQ(out[i], std::fmax(gate[i], 0.0f)) << isa_name(kernel.isa) << gate[i];
    }
  }
}

TEST(Elementwise, SelectionGivesTheBestThatIsAllowed) {
  EXPECT_EQ(select_elementwise(Isa::kPortable).isa, Isa::kPortable);
  for (const ElementwiseKernel& kernel : elementwise_kernels()) {
    EXPECT_EQ(select_elementwise(kernel.isa).isa, kernel.isa);
  }
}

}  // namespace
}  // namespace hearth
