#include "host/weight_cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "base/hash.h"
#include "kernels/isa.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

// A blob's name is its digest, and its bytes never change. Any other file is known by where its
// bytes lie and when they were last written, as make and compiler caches know theirs: reading all
// of it for a digest would take longer than packing it.
std::string identity_of(const fs::path& model) {
  constexpr std::string_view kBlob = "sha256-";
  const std::string name = model.filename().string();
  const std::string hex = name.starts_with(kBlob) ? name.substr(kBlob.size()) : "";
  const auto is_hex = [](unsigned char c) { return std::isxdigit(c) != 0; };
  if (hex.size() == 2 * sizeof(Sha256Bytes) && std::ranges::all_of(hex, is_hex)) return hex;
  struct stat status{};
  if (::stat(model.c_str(), &status) != 0) return "";
  const std::uint64_t facts[] = {status.st_dev, status.st_ino,
                                 static_cast<std::uint64_t>(status.st_size),
                                 static_cast<std::uint64_t>(status.st_mtim.tv_sec),
                                 static_cast<std::uint64_t>(status.st_mtim.tv_nsec)};
  Sha256 digest;
  digest.update(std::as_bytes(std::span(facts)));
  return to_hex(digest.finish());
}

struct Kept {
  fs::path path;
  fs::file_time_type used;
};

}  // namespace

std::optional<WeightImage> WeightCache::image_of(const fs::path& model, std::uint64_t file_bytes,
                                                 const DeviceOptions& device) const {
  std::error_code error;
  if (fs::file_size(model, error) != file_bytes || error) return std::nullopt;
  const std::string identity = identity_of(model);
  if (identity.empty()) return std::nullopt;
  const std::string isa = device.isa.empty() ? std::string(isa_name(best_isa())) : device.isa;
  return WeightImage{directory_ / identity / (isa + (device.fast ? "_fast" : "")), identity};
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
