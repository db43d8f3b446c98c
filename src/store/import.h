// Taking GGUF files of the user's own into the store, and leaving no empty rooms behind.
#pragma once

#include <filesystem>
#include <vector>

#include "store/download.h"
#include "store/layout.h"
#include "store/manifest.h"

namespace hearth {

// Copies a file (or, when it is one shard of a set, the whole set) into blobs.
std::vector<Layer> import_files(const PullContext& context, const std::filesystem::path& path);

// When it ends by an exception, removes those of the store's directories that did not exist at its
// beginning and are empty: a refused pull leaves a machine as it was. Rooms go by remove_rooms()
// alone: another pull may have made one and not used it yet. What holds the locks goes at the end:
// whoever wants a lock makes it again.
class EmptyDirectories {
 public:
  explicit EmptyDirectories(const StoreLayout& layout);
  EmptyDirectories(const EmptyDirectories&) = delete;
  EmptyDirectories& operator=(const EmptyDirectories&) = delete;
  ~EmptyDirectories();
  // The caller holds the store's lock, and no other. Does nothing while anyone is at work.
  void remove_rooms() const;

 private:
  bool refused() const noexcept;

  const StoreLayout& layout_;
  int exceptions_;
  std::vector<std::filesystem::path> rooms_;
  std::vector<std::filesystem::path> places_;  // of the locks; innermost first
};

}  // namespace hearth
