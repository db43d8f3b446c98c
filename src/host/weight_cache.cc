#include "host/weight_cache.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/hash.h"
#include "kernels/isa.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

struct Kept {
  fs::path path;
  fs::file_time_type used;
};

}  // namespace

std::optional<WeightImage> WeightCache::image_of(std::span<const std::uint64_t> identity,
                                                 const std::string& blob_digest,
                                                 const DeviceOptions& device) const {
  if (identity.empty()) return std::nullopt;
  std::string model = blob_digest;
  if (model.empty()) {
    Sha256 digest;
    digest.update(std::as_bytes(identity));
    model = to_hex(digest.finish());
  }
  const std::string isa = device.isa.empty() ? std::string(isa_name(best_isa())) : device.isa;
  return WeightImage{directory_ / model / (isa + (device.fast ? "_fast" : "")), model};
}

void WeightCache::trim() const noexcept {
  try {
    std::vector<Kept> kept;
    std::error_code error;
    for (const fs::directory_entry& model : fs::directory_iterator(directory_, error)) {
      Kept entry{model.path(), fs::file_time_type::min()};
      for (const fs::directory_entry& image : fs::directory_iterator(model.path(), error))
        entry.used = std::max(entry.used, image.last_write_time());
      kept.push_back(std::move(entry));
    }
    std::ranges::sort(kept, std::ranges::greater(), &Kept::used);
    for (std::size_t i = kModelsMax; i < kept.size(); ++i) fs::remove_all(kept[i].path, error);
  } catch (const std::exception&) {
    return;  // what vanished under our eyes was removed by another process
  }
}

}  // namespace hearth
