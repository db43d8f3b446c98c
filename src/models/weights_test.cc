// What the loading of a weight table tells while it reads.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <sstream>
#include <thread>

#include "format/gguf_writer.h"
#include "models/model.h"

namespace hearth {
namespace {

constexpr std::size_t kVectors = 64;  // each is read by itself
constexpr std::uint64_t kVectorBytes = 32 * sizeof(float);

// What on_progress heard, by loading on so many threads and taking so long each time.
std::vector<std::uint64_t> heard(std::size_t threads, std::chrono::milliseconds pause) {
  GgufWriter writer;
  std::vector<WeightSpec> table;
  for (std::size_t i = 0; i < kVectors; ++i) {
    table.push_back({"norm" + std::to_string(i), 1, 32, WeightRole::kNorm});
    writer.add_tensor(table.back().name, DType::kF32, std::array<std::uint64_t, 1>{32});
  }
  std::stringstream stream;
  const std::array<float, 32> values{};
  writer.write(stream, [&](std::size_t) { return std::as_bytes(std::span(values)); });
  const std::string bytes = stream.str();
  const Gguf file = Gguf::parse(std::as_bytes(std::span(bytes)), "norms");

  std::vector<std::uint64_t> done;
  ModelOptions options;
  options.on_progress = [&](std::uint64_t done_bytes) {
    done.push_back(done_bytes);
    std::this_thread::sleep_for(pause);
  };
  const auto device = make_device({.isa = "portable", .threads = threads});
  load_weights(file, table, *device, options);
  return done;
}

TEST(Weights, TellWhatIsDone) {
  std::vector<std::uint64_t> all;
  for (std::size_t i = 1; i <= kVectors; ++i) all.push_back(i * kVectorBytes);
  EXPECT_EQ(heard(1, {}), all);
}

// While one thread tells, the other packs; waiting, both would tell of every vector.
TEST(Weights, DoNotWaitForWhoeverListens) {
  const std::vector<std::uint64_t> done = heard(2, std::chrono::milliseconds(10));
  EXPECT_LT(done.size(), kVectors);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
}

}  // namespace
}  // namespace hearth
