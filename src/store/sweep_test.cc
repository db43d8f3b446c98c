#include "store/sweep.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace hearth {
namespace {

namespace fs = std::filesystem;

TEST(Sweep, PackedWeightsGoWithTheirBlob) {
  const StoreLayout layout(fs::temp_directory_path() / ("sweep_" + std::to_string(::getpid())));
  fs::remove_all(layout.home());
  const Digest gone = *Digest::try_parse(std::string(64, 'a'));
  const Digest fresh = *Digest::try_parse(std::string(64, 'b'));
  fs::create_directories(layout.blobs());
  for (const Digest& digest : {gone, fresh}) {
    std::ofstream(layout.blob(digest)) << "12345";
    fs::create_directories(layout.packed(digest));
    std::ofstream(layout.packed(digest) / "avx2") << "123";
  }
  const Layer let_go[] = {{.digest = gone, .bytes = 5}};
  EXPECT_EQ(sweep(layout, let_go), 8u);
  EXPECT_FALSE(fs::exists(layout.packed(gone)));
  EXPECT_TRUE(fs::exists(layout.packed(fresh) / "avx2"));  // its blob is too young to go
  fs::remove_all(layout.home());
}

}  // namespace
}  // namespace hearth
