#include "platform/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "base/exhausted.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "hearth-file-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }
  fs::path root_;
};

TEST_F(FileTest, AtomicWritesReplaceAndLeaveNothing) {
  write_file_atomically(root_ / "x", "one and more");
  write_file_atomically(root_ / "x", "two");
  EXPECT_EQ(read_small_file(root_ / "x", 3), "two");
  EXPECT_THROW(read_small_file(root_ / "x", 2), Error);
  EXPECT_EQ(read_small_file(root_ / "none", 3), std::nullopt);
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 1);
  EXPECT_THROW(write_file_atomically(root_ / "none" / "x", "y"), Error);
  fs::create_directory(root_ / "d");
  EXPECT_THROW(write_file_atomically(root_ / "d", "y"), Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 2);  // no d.new
}

TEST_F(FileTest, ADraftThatIsNotPublishedLeavesWhatWasThere) {
  write_file_atomically(root_ / "x", "before");
  {
    FileDraft draft(root_ / "x");
    draft.append(std::as_bytes(std::span("half", 4)));
    EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 2);
  }
  EXPECT_EQ(read_small_file(root_ / "x", 10), "before");
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 1);
  FileDraft draft(root_ / "x");
  for (const char* part : {"aft", "er!"}) draft.append(std::as_bytes(std::span(part, 3)));
  draft.publish();
  EXPECT_EQ(read_small_file(root_ / "x", 10), "after!");
}

TEST_F(FileTest, ALinkIsWrittenThrough) {
  write_file_atomically(root_ / "x", "before");
  fs::create_symlink("x", root_ / "link");
  write_file_atomically(root_ / "link", "after!");
  EXPECT_TRUE(fs::is_symlink(root_ / "link"));
  EXPECT_EQ(read_small_file(root_ / "x", 10), "after!");
}

TEST_F(FileTest, AFileBesideUsNeedsNoDirectoryInItsName) {
  const fs::path before = fs::current_path();
  fs::current_path(root_);
  EXPECT_NO_THROW(write_file_atomically("x", "here"));
  fs::current_path(before);
  EXPECT_EQ(read_small_file(root_ / "x", 10), "here");
}

TEST_F(FileTest, WhatIsNoRegularFileIsNotReplaced) {
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(write_file_atomically(root_ / "pipe", "y"), Error);
  EXPECT_TRUE(fs::is_fifo(root_ / "pipe"));
}

TEST_F(FileTest, ALockIsHeldOnceAndLeavesNoFile) {
  auto first = FileLock::try_lock(root_ / "lock");
  ASSERT_TRUE(first);
  EXPECT_FALSE(FileLock::try_lock(root_ / "lock"));
  first.reset();
  EXPECT_TRUE(fs::is_empty(root_));
  EXPECT_TRUE(FileLock::try_lock(root_ / "lock"));
}

TEST_F(FileTest, DescriptorsStayHere) {
  const UniqueFd fd = open_for_writing(root_ / "x");
  EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  fs::create_symlink("elsewhere", root_ / "link");
  EXPECT_THROW(open_for_writing(root_ / "link"), Error);
  EXPECT_FALSE(fs::exists(root_ / "elsewhere"));
}

TEST_F(FileTest, PathsAreDetails) {
  fs::create_directory(root_ / "d");
  write_file_atomically(root_ / "x", "long");
  const std::function<void()> failing[] = {
      [&] { open_for_reading(root_ / "none"); },
      [&] { read_small_file(root_ / "x", 1); },
      [&] { write_file_atomically(root_ / "d", "y"); },
      [&] { throw_system_error("write", root_ / "x", ENOSPC); },
      [&] { throw_system_error("write", root_ / "x", EMFILE); },
  };
  for (const auto& fail : failing) {
    try {
      fail();
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.message().find(root_.string()), std::string::npos) << error.message();
      EXPECT_NE(error.detail().find(root_.string()), std::string::npos) << error.message();
    }
  }
}

TEST_F(FileTest, WhatTheSystemLacksIsAShortage) {
  using Of = ShortageError::Of;
  for (const auto& [number, of] :
       {std::pair{ENOSPC, Of::kDisk}, {EMFILE, Of::kDescriptors}, {ENOMEM, Of::kMemory}}) {
    try {
      throw_system_error("write", root_ / "x", number);
    } catch (const ShortageError& error) {
      EXPECT_EQ(error.of(), of);
      EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    }
  }
}

TEST_F(FileTest, ErrorsNameTheFileAndTheReason) {
  try {
    open_for_reading(root_ / "none");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(error.message().find("none': No such file"), std::string::npos) << error.message();
  }
  EXPECT_GT(free_disk_bytes(root_ / "not" / "yet" / "there"), 0u);
}

}  // namespace
}  // namespace hearth
