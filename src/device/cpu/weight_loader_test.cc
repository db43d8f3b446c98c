#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/random.h"
#include "device/cpu/cpu_device.h"
#include "device/cpu/weight_image.h"
#include "platform/file.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

struct Shape {
  DType type;
  std::size_t rows, cols;
  WeightUse use;
};

// Odd rows and columns: the last panel is not full, the last pair of units has one.
const std::vector<Shape> kShapes = {
    {DType::kQ4_K, 33, 512, WeightUse::kMatrix},   {DType::kQ8_0, 20, 96, WeightUse::kMatrix},
    {DType::kQ8_0, 48, 64, WeightUse::kEmbedding}, {DType::kF32, 1, 70, WeightUse::kVector},
    {DType::kF16, 7, 31, WeightUse::kMatrix},      {DType::kQ6_K, 8192, 512, WeightUse::kMatrix}};

class WeightLoaderTest : public ::testing::Test {
 protected:
  WeightLoaderTest() {
    folder_ = fs::temp_directory_path() /
              ("weight_loader_" +
               std::to_string(std::hash<std::thread::id>()(std::this_thread::get_id())) + "_" +
               std::to_string(::getpid()));
    fs::remove_all(folder_);
    Random random(7);
    for (const Shape& shape : kShapes) {
      std::vector<std::byte>& bytes =
          bytes_.emplace_back(shape.rows * row_bytes(shape.type, shape.cols));
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
      sources_.push_back({shape.type, shape.rows, shape.cols, bytes.data(), shape.use});
    }
    image_ = {folder_ / "below" / "image", "a model"};
  }
  ~WeightLoaderTest() override { fs::remove_all(folder_); }

  struct Loaded {
    std::vector<std::unique_ptr<Weight>> weights;
    std::size_t read_bytes;
  };
  Loaded load(const WeightImage* image, std::size_t threads = 2, bool fast = false) {
    CpuDevice device(best_isa(), {.threads = threads, .fast = fast});
    std::atomic<std::size_t> read_bytes{0};
    Loaded loaded;
    loaded.weights = device.load(
        sources_, {.on_read = [&](std::span<const std::byte> part) { read_bytes += part.size(); },
                   .image = image});
    loaded.read_bytes = read_bytes;
    return loaded;
  }

  static std::size_t bytes_of(const CpuWeight& weight) {
    if (weight.kernel != nullptr) return weight.panels() * weight.panel_bytes;
    return weight.memory == nullptr ? 0 : round_up(weight.cols(), 16) * sizeof(float);
  }

  void expect_same(const Loaded& a, const Loaded& b) {
    ASSERT_EQ(a.weights.size(), kShapes.size());
    for (std::size_t i = 0; i < a.weights.size(); ++i) {
      const CpuWeight& left = cpu(*a.weights[i]);
      const CpuWeight& right = cpu(*b.weights[i]);
      ASSERT_EQ(bytes_of(left), bytes_of(right)) << i;
      EXPECT_EQ(std::memcmp(left.data, right.data, bytes_of(left)), 0) << i;
    }
  }

  // The image is not taken, the weights are right all the same, and the next load has a good image.
  void expect_repacked(const Loaded& packed) {
    const Loaded again = load(&image_);
    EXPECT_EQ(again.read_bytes, packed.read_bytes);
    expect_same(again, packed);
    EXPECT_EQ(load(&image_).read_bytes, 0u);
  }

  void overwrite(std::size_t at, char with) {
    std::fstream file(image_.path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(with);
  }

  fs::path folder_;
  std::vector<std::vector<std::byte>> bytes_;
  std::vector<WeightSource> sources_;
  WeightImage image_;
};

TEST_F(WeightLoaderTest, PacksEachPanelAsItsKernelDoes) {
  for (const std::size_t threads : {1u, 3u}) {
    const Loaded loaded = load(nullptr, threads);
    std::size_t all_bytes = 0;
    for (std::size_t i = 0; i < kShapes.size(); ++i) {
      const CpuWeight& weight = cpu(*loaded.weights[i]);
      if (kShapes[i].use != WeightUse::kEmbedding) all_bytes += bytes_[i].size();
      if (weight.kernel == nullptr) continue;
      const std::size_t stride = row_bytes(kShapes[i].type, kShapes[i].cols);
      const PageBuffer panel(weight.panel_bytes);
      for (std::size_t p = 0; p < weight.panels(); ++p) {
        const std::size_t row = p * weight.kernel->panel_rows;
        weight.kernel->pack(bytes_[i].data() + row * stride,
                            std::min<std::size_t>(weight.kernel->panel_rows, weight.rows() - row),
                            stride, weight.cols(), panel.data());
        ASSERT_EQ(std::memcmp(panel.data(), weight.panel(p), weight.panel_bytes), 0) << i << p;
      }
    }
    EXPECT_EQ(loaded.read_bytes, all_bytes);  // every byte once, and none of the embedding
  }
}

TEST_F(WeightLoaderTest, TheSecondLoadMapsWhatTheFirstWrote) {
  const Loaded packed = load(&image_);
  EXPECT_GT(packed.read_bytes, 0u);
  const Loaded mapped = load(&image_);
  EXPECT_EQ(mapped.read_bytes, 0u);
  expect_same(mapped, packed);
  fs::remove_all(folder_);  // what is mapped outlives its name
  expect_same(mapped, packed);
}

// A model that only its owner may read has no copy for all, not even by way of a draft that a
// killed process has left.
TEST_F(WeightLoaderTest, AnImageIsItsOwnersAlone) {
  const auto mode = [&] { return fs::status(image_.path).permissions(); };
  constexpr auto kOwners = fs::perms::owner_read | fs::perms::owner_write;
  load(&image_);
  EXPECT_EQ(mode(), kOwners);

  fs::path draft = image_.path;
  draft += kDraftSuffix;
  fs::rename(image_.path, draft);
  fs::permissions(draft, kOwners | fs::perms::group_read | fs::perms::others_read);
  load(&image_);
  EXPECT_EQ(mode(), kOwners);
}

// F16 panels are as large exact as rounded to bfloat16: only what is in them differs.
TEST_F(WeightLoaderTest, AnImageIsForExactOrForRoundedWeights) {
  if (!isa_supported(Isa::kAvx512Bf16)) GTEST_SKIP() << "this CPU lacks avx512_bf16";
  sources_ = {sources_[4]};
  sources_[0].cols = 30;
  const Loaded exact = load(&image_);
  const Loaded rounded = load(&image_, 2, true);
  EXPECT_FALSE(cpu(*exact.weights[0]).kernel->is_fast());
  EXPECT_TRUE(cpu(*rounded.weights[0]).kernel->is_fast());
  EXPECT_EQ(bytes_of(cpu(*rounded.weights[0])), bytes_of(cpu(*exact.weights[0])));
  EXPECT_GT(exact.read_bytes, 0u);
  EXPECT_EQ(rounded.read_bytes, exact.read_bytes);
  EXPECT_EQ(load(&image_, 2, true).read_bytes, 0u);
  EXPECT_EQ(load(&image_).read_bytes, exact.read_bytes);
}

TEST_F(WeightLoaderTest, PacksAgainWhatIsTornOrForeign) {
  const Loaded packed = load(&image_);
  const auto whole = fs::file_size(image_.path);
  for (const auto size : {whole - 1, whole / 2, std::uintmax_t{10}, std::uintmax_t{0}}) {
    fs::resize_file(image_.path, size);
    expect_repacked(packed);
  }
  fs::resize_file(image_.path, whole + 1);
  expect_repacked(packed);
  for (const std::size_t at : {0u, 8u, 16u, 24u, 55u}) {  // magic, version, size, key
    overwrite(at, 'x');
    expect_repacked(packed);
  }
  overwrite(8, '\1');  // an older version
  expect_repacked(packed);
  image_.model = "another model";
  expect_repacked(packed);
  sources_[1].type = DType::kQ5_0;  // fewer bytes of the same rows
  const Loaded other = load(nullptr);
  expect_repacked(other);
}

TEST_F(WeightLoaderTest, LoadsWhereNoImageCanBeWritten) {
  const Loaded packed = load(nullptr);
  std::ofstream(folder_.string()) << "no directory";
  expect_same(load(&image_), packed);
  fs::remove(folder_);

  // A disk that is full after four megabytes: nothing half-made stays.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{std::size_t{4} << 20, before.rlim_max};
  static_assert(kImageHeaderBytes < std::size_t{4} << 20);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Loaded full = load(&image_);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  expect_same(full, packed);
  EXPECT_TRUE(fs::is_empty(image_.path.parent_path()));
}

TEST_F(WeightLoaderTest, TwoAtOnceLeaveOneWholeImage) {
  const Loaded packed = load(nullptr);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { expect_same(load(&image_, 1), packed); });
  }
  for (std::thread& thread : threads) thread.join();
  const Loaded mapped = load(&image_);
  EXPECT_EQ(mapped.read_bytes, 0u);
  expect_same(mapped, packed);
}

TEST_F(WeightLoaderTest, LeavesTheImageToWhoeverWritesIt) {
  fs::create_directories(image_.path.parent_path());
  fs::path lock_path = image_.path;
  lock_path += ".lock";
  const auto lock = FileLock::try_lock(lock_path);
  ASSERT_TRUE(lock);
  EXPECT_GT(load(&image_).read_bytes, 0u);
  EXPECT_FALSE(fs::exists(image_.path));
}

TEST_F(WeightLoaderTest, InPlaceIsWhereTheFileIs) {
  CpuDevice device(Isa::kPortable, {.threads = 1, .in_place = true});
  const auto weights = device.load(sources_, {.on_read = {}, .image = &image_});
  const bool stays[] = {false, true,  true,
                        false, false, true};  // whole panels of 4 rows, no floats
  for (std::size_t i = 0; i < kShapes.size(); ++i)
    EXPECT_EQ(cpu(*weights[i]).data == bytes_[i].data(), stays[i]) << i;
  EXPECT_FALSE(fs::exists(image_.path));
}

}  // namespace
}  // namespace hearth
