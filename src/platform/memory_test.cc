#include "platform/memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace hearth {
namespace {

// Where the system has no huge pages, this holds without our doing.
TEST(PageBuffer, UsedInItsFirstBytesTakesOnePage) {
  constexpr std::size_t kBytes = std::size_t{16} << 20;
  const PageBuffer buffer(kBytes);
  buffer.data()[100] = std::byte{1};
  std::vector<unsigned char> pages(kBytes / static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  ASSERT_EQ(::mincore(buffer.data(), kBytes, pages.data()), 0);
  EXPECT_EQ(std::ranges::count_if(pages, [](unsigned char page) { return page & 1; }), 1);
}

}  // namespace
}  // namespace hearth
