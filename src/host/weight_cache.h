// WeightCache: a directory of weight images (device.h), one per model and instruction set: which
// image a model's file has, and how many are kept. Owns nothing but the path; any thread, any
// process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "device/device.h"

namespace hearth {

// <directory>/<digest>/<instruction set>[_fast]. The digest is that of a blob's bytes, where the
// library vouches for them; any other file is known by where its bytes lie and when they were last
// changed, as make and compiler caches know theirs, whatever it is called: reading all of it for a
// digest would take longer than packing it.
class WeightCache {
 public:
  // Of models in use at a time on one machine; an image is as large as its model.
  static constexpr std::size_t kModelsMax = 4;

  explicit WeightCache(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // identity: Gguf's; none has one that is empty, as of a model of several files. blob_digest: in
  // hexadecimal, empty for a file outside the library.
  std::optional<WeightImage> image_of(std::span<const std::uint64_t> identity,
                                      const std::string& blob_digest,
                                      const DeviceOptions& device) const;
  // Removes the models used longest ago, so that kModelsMax stay. Failure is ignored: the next
  // start removes them.
  void trim() const noexcept;

 private:
  std::filesystem::path directory_;
};

}  // namespace hearth
