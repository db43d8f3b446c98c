#include "store/sweep.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "platform/file.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

std::optional<std::set<Digest>> named_digests(const StoreLayout& layout) {
  std::set<Digest> named;
  for (const fs::path& path : entries_of(layout.manifests())) {
    const std::string name = path.filename().string();
    if (!Digest::try_parse(name)) continue;
    try {
      const auto text = read_small_file(path, kManifestBytesMax);
      if (!text) continue;
      for (const Layer& layer : parse_manifest(*text, name).layers) named.insert(layer.digest);
    } catch (const Error&) {
      return std::nullopt;
    }
  }
  return named;
}

bool is_old(const fs::path& path) {
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  return !error && written < fs::file_time_type::clock::now() - kUnfinishedKept;
}

// A partial's journal is written once, at its start: the two are as old as the younger one.
bool is_old_pair(const fs::path& path) {
  fs::path other = path;
  if (path.extension() == kJournalEnding) {
    other.replace_extension();
  } else {
    other += kJournalEnding;
  }
  std::error_code error;
  return is_old(path) && (is_old(other) || !fs::exists(other, error));
}

// Of a file, or of the files in a wheel's directory.
std::uint64_t bytes_of(const fs::path& path) {
  std::uint64_t bytes = file_bytes_if_present(path).value_or(0);
  for (const fs::path& file : entries_of(path)) bytes += file_bytes_if_present(file).value_or(0);
  return bytes;
}

void make_old(const fs::path& path) {
  std::error_code error;  // a blob that is not there needs no mark
  fs::last_write_time(path, fs::file_time_type::clock::now() - 2 * kUnfinishedKept, error);
}

// Why files stay, to whoever expects some to go.
void tell(std::span<const Layer> let_go, std::string_view why) {
  if (!let_go.empty()) log(LogLevel::kWarn, why);
}

std::optional<Digest> blob_digest(const fs::path& path) {
  constexpr std::string_view kPrefix = "sha256-";
  const std::string name = path.filename().string();
  return name.starts_with(kPrefix) ? Digest::try_parse(name.substr(kPrefix.size())) : std::nullopt;
}

}  // namespace

// Trying a lock that nobody holds removes its file: what killed processes left goes with it.
bool anyone_at_work(const StoreLayout& layout) {
  std::size_t held = 0;
  for (const fs::path& lock : entries_of(layout.locks())) {
    if (lock != layout.store_lock()) held += !FileLock::try_lock(lock);
  }
  return held > 0;
}

std::uint64_t sweep(const StoreLayout& layout, std::span<const Layer> let_go) {
  const auto named = named_digests(layout);
  if (!named) {
    tell(let_go, "a manifest cannot be read: no files are removed, it may need them");
    return 0;
  }
  for (const Layer& layer : let_go) {
    if (!named->contains(layer.digest)) make_old(layout.blob(layer.digest));
  }
  if (anyone_at_work(layout)) {
    tell(let_go, "another pull is at work: files that no model uses are removed when it ends");
    return 0;
  }
  std::uint64_t freed = 0;
  for (const fs::path& blob : entries_of(layout.blobs())) {
    const auto digest = blob_digest(blob);
    if (!digest || named->contains(*digest) || !is_old(blob)) continue;
    freed += file_bytes_if_present(blob).value_or(0);
    remove_file(blob);
    std::error_code error;
    fs::remove_all(layout.set(*digest), error);
    freed += bytes_of(layout.packed(*digest));
    fs::remove_all(layout.packed(*digest), error);
  }
  for (const fs::path& room : {layout.partials(), layout.wheels()}) {
    for (const fs::path& unfinished : entries_of(room)) {
      if (!is_old_pair(unfinished)) continue;
      freed += bytes_of(unfinished);
      std::error_code error;
      fs::remove_all(unfinished, error);
    }
  }
  return freed;
}

}  // namespace hearth
