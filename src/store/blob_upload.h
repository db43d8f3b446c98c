// BlobUpload: a file that a client sends into the store, under a digest it names. It is written
// beside all others and takes its name when it is whole and has that digest; with this object goes
// what did not. Two uploads of one file do not know of each other: the last one stays. What no
// model names a week later is swept (sweep.h); so is what a killed process left. One thread at a
// time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "store/layout.h"
#include "store/partial_blob.h"

namespace hearth {

class BlobUpload {
 public:
  // The layout and the fail point outlive it. Nothing is made before the first append().
  BlobUpload(const StoreLayout& layout, const FailPoint& fail_point, const Digest& expected);
  ~BlobUpload();
  BlobUpload(const BlobUpload&) = delete;
  BlobUpload& operator=(const BlobUpload&) = delete;

  void append(std::string_view bytes);
  // kInvalidArgument when it has another digest: nothing is kept then.
  void publish();

 private:
  void open();

  const StoreLayout& layout_;
  const FailPoint& fail_point_;
  Digest expected_;
  Digest key_;  // of its own, by chance
  std::optional<FileLock> lock_;
  std::optional<PartialBlob> partial_;
};

}  // namespace hearth
