// WeightCache: a directory of weight images (device.h), one per model and instruction set: which
// image a model's file has, and how many are kept. Owns nothing but the path; any thread, any
// process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "device/device.h"

namespace hearth {

// <directory>/<digest>/<instruction set>[_fast], the digest that of a blob of the library, else of
// the file's identity.
class WeightCache {
 public:
  // Of models in use at a time on one machine; an image is as large as its model.
  static constexpr std::size_t kModelsMax = 4;

  explicit WeightCache(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // None for a model of several files: the first one's identity says nothing of the others.
  std::optional<WeightImage> image_of(const std::filesystem::path& model, std::uint64_t file_bytes,
                                      const DeviceOptions& device) const;
  // Removes the models used longest ago, so that kModelsMax stay. Failure is ignored: the next
  // start removes them.
  void trim() const noexcept;

 private:
  std::filesystem::path directory_;
};

}  // namespace hearth
