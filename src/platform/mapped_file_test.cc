#include "platform/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "base/error.h"

namespace hearth {
namespace {

class MappedFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("hearth_mapped_file_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }

  ErrorCode code_of_open(const std::filesystem::path& path) {
    try {
      MappedFile::open(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.message().find(folder_.string()), std::string::npos) << "a path leaks";
      EXPECT_EQ(error.detail(), path.string());
      return error.code();
    }
    return ErrorCode::kInternal;
  }

  std::filesystem::path folder_;
};

TEST_F(MappedFileTest, HasTheBytesAndMoves) {
  const std::string text(10000, 'x');
  MappedFile file = MappedFile::open(write("plain", text));
  ASSERT_EQ(file.size(), text.size());
  EXPECT_EQ(std::memcmp(file.bytes().data(), text.data(), text.size()), 0);
  file.advise(MappedFile::Access::kHugePages);
  file.advise(MappedFile::Access::kHugePages, file.bytes().subspan(5000, 1));
  const std::byte* address = file.bytes().data();
  MappedFile other = std::move(file);
  EXPECT_EQ(other.bytes().data(), address);
  EXPECT_EQ(file.size(), 0u);
  file = std::move(other);
  EXPECT_EQ(file.bytes().data(), address);
}

TEST_F(MappedFileTest, IsKnownByTheFileAndItsLastChange) {
  const auto same = [](const MappedFile& a, const MappedFile& b) {
    return std::ranges::equal(a.identity(), b.identity());
  };
  const auto path = write("known", "first");
  MappedFile file = MappedFile::open(path);
  EXPECT_TRUE(same(file, MappedFile::open(path)));
  EXPECT_FALSE(same(file, MappedFile::open(write("other", "first"))));
  EXPECT_FALSE(same(file, MappedFile()));

  const auto written = std::filesystem::last_write_time(path);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // a kernel's clock ticks each 10
  write("known", "again");
  std::filesystem::last_write_time(path, written);
  const MappedFile again = MappedFile::open(path);
  EXPECT_FALSE(same(file, again));

  std::filesystem::rename(folder_ / "other", path);
  EXPECT_FALSE(same(again, MappedFile::open(path)));
  file = MappedFile::open(path);
  EXPECT_TRUE(same(file, MappedFile::open(path)));
  const MappedFile moved = std::move(file);
  EXPECT_TRUE(same(moved, MappedFile::open(path)));
}

TEST_F(MappedFileTest, GivesBackWhatIsDone) {
  const auto resident_pages = [] {
    std::size_t all = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> all >> resident;
    return resident;
  };
  constexpr std::size_t kBytes = std::size_t{8} << 20;
  const MappedFile file = MappedFile::open(write("large", std::string(kBytes, 'x')));
  const auto all_are_x = [&] {
    return std::ranges::all_of(file.bytes(), [](std::byte b) { return b == std::byte{'x'}; });
  };
  ASSERT_TRUE(all_are_x());
  const std::size_t before = resident_pages();
  file.advise(MappedFile::Access::kDone, file.bytes().subspan(100, kBytes - 200));
  EXPECT_LT(resident_pages() + kBytes / 8192, before);  // half of them, at the least
  EXPECT_TRUE(all_are_x());
}

TEST_F(MappedFileTest, SurvivesUnlinking) {
  const auto path = write("gone", "still here");
  const MappedFile file = MappedFile::open(path);
  std::filesystem::remove(path);
  EXPECT_EQ(std::memcmp(file.bytes().data(), "still here", 10), 0);
}

TEST_F(MappedFileTest, EmptyFileIsAnEmptySpan) {
  EXPECT_EQ(MappedFile::open(write("empty", "")).size(), 0u);
}

TEST_F(MappedFileTest, RefusesWhatIsNoFile) {
  EXPECT_EQ(code_of_open(folder_ / "missing"), ErrorCode::kNotFound);
  EXPECT_EQ(code_of_open(write("file", "x") / "below"), ErrorCode::kNotFound);
  std::filesystem::create_directory(folder_ / "folder");
  EXPECT_EQ(code_of_open(folder_ / "folder"), ErrorCode::kInvalidArgument);
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(code_of_open(folder_ / "pipe"), ErrorCode::kInvalidArgument);  // and does not hang
  std::filesystem::create_symlink("loop", folder_ / "loop");
  EXPECT_EQ(code_of_open(folder_ / "loop"), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace hearth
