#include "cli/history_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>

namespace hearth {
namespace {

class HistoryFileTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  unsigned mode() const {
    struct stat status{};
    EXPECT_EQ(::stat(path_.c_str(), &status), 0);
    return status.st_mode & 0777u;
  }

  std::filesystem::path directory_ =
      std::filesystem::path(::testing::TempDir()) /
      ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::filesystem::path path_ = directory_ / "state/history";
};

TEST_F(HistoryFileTest, OnlyItsOwnerReadsIt) {
  const mode_t before = ::umask(0);
  HistoryFile(path_).append("secret");
  ::umask(before);
  EXPECT_EQ(mode(), 0600u);
  std::filesystem::permissions(path_, std::filesystem::perms(0644));
  HistoryFile(path_).append("more");
  EXPECT_EQ(mode(), 0600u);
  EXPECT_EQ(HistoryFile(path_).load(), (std::vector<std::string>{"secret", "more"}));
}

TEST_F(HistoryFileTest, KeepsTheNewestLines) {
  std::filesystem::create_directories(path_.parent_path());
  {
    std::ofstream file(path_);
    for (std::size_t i = 0; i <= 2 * kHistoryLinesMax; ++i) file << i << "\n";
  }
  const std::vector<std::string> lines = HistoryFile(path_).load();
  ASSERT_EQ(lines.size(), kHistoryLinesMax);
  EXPECT_EQ(lines.back(), std::to_string(2 * kHistoryLinesMax));
  EXPECT_LT(std::filesystem::file_size(path_), 6 * kHistoryLinesMax);
  EXPECT_EQ(HistoryFile(path_).load(), lines);
}

TEST_F(HistoryFileTest, NoFileIsNoError) {
  EXPECT_TRUE(HistoryFile(path_).load().empty());
  HistoryFile nowhere("/proc/nowhere/history");
  nowhere.append("line");
  EXPECT_TRUE(nowhere.load().empty());
}

TEST(HistoryFile, LiesInTheStateDirectory) {
  ::setenv("XDG_STATE_HOME", "/tmp/state", 1);
  ::setenv("HEARTH_HOME", "/tmp/home", 1);
  EXPECT_EQ(HistoryFile::default_path(), "/tmp/home/history");
  ::unsetenv("HEARTH_HOME");
  EXPECT_EQ(HistoryFile::default_path(), "/tmp/state/hearth/history");
  ::unsetenv("XDG_STATE_HOME");
  ::setenv("HOME", "/tmp/me", 1);
  EXPECT_EQ(HistoryFile::default_path(), "/tmp/me/.local/state/hearth/history");
}

}  // namespace
}  // namespace hearth
