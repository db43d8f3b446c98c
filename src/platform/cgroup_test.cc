#include "platform/cgroup.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace hearth {
namespace {

class CgroupMemory : public testing::Test {
 protected:
  CgroupMemory() { std::filesystem::create_directories(group_); }
  ~CgroupMemory() override { std::filesystem::remove_all(group_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(group_ / name) << text;
  }

  const std::filesystem::path group_ =
      std::filesystem::path(testing::TempDir()) /
      testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(CgroupMemory, PageCacheThatCanBeDroppedIsNotUsed) {
  write("memory.max", "4000\n");
  write("memory.current", "3000\n");
  write("memory.stat", "anon 500\ninactive_file 2400\nactive_file 100\n");
  EXPECT_EQ(memory_left_in(group_, kCgroup2Memory), 3400u);
}

TEST_F(CgroupMemory, NoLimitIsNoNumber) {
  EXPECT_EQ(memory_left_in(group_, kCgroup2Memory), std::nullopt);
  write("memory.max", "max\n");
  write("memory.current", "3000\n");
  EXPECT_EQ(memory_left_in(group_, kCgroup2Memory), std::nullopt);
}

TEST_F(CgroupMemory, MoreThanTheLimitLeavesNothing) {
  write("memory.limit_in_bytes", "1000\n");
  write("memory.usage_in_bytes", "1500\n");
  write("memory.stat", "total_inactive_file 100\n");
  EXPECT_EQ(memory_left_in(group_, kCgroup1Memory), 0u);
}

TEST(Cgroup, TheRootIsTheLastOfOurs) {
  const auto groups = own_cgroups();
  ASSERT_FALSE(groups.empty());
  EXPECT_EQ(groups.back(), "/sys/fs/cgroup");
}

}  // namespace
}  // namespace hearth
