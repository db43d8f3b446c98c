#include "store/import.h"

#include <exception>

#include "base/error.h"
#include "store/sweep.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopyBytes = 1u << 20;

// The files of the set that "…-00002-of-00005.gguf" belongs to; other names stand for themselves.
std::vector<fs::path> shard_files(const fs::path& path) {
  const std::string name = path.filename().string();
  constexpr std::size_t kTail = std::string_view("-00001-of-00002.gguf").size();
  if (name.size() <= kTail || !name.ends_with(".gguf")) return {path};
  const std::string tail = name.substr(name.size() - kTail);
  const std::string count_text = tail.substr(10, 5);
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" ||
      count_text.find_first_not_of("0123456789") != std::string::npos) {
    return {path};
  }
  const unsigned long count = std::stoul(count_text);
  std::vector<fs::path> files;
  for (unsigned long i = 1; i <= count; ++i) {
    const std::string number = std::to_string(i);
    files.push_back(path.parent_path() /
                    (name.substr(0, name.size() - kTail) + "-" +
                     std::string(5 - number.size(), '0') + number + "-of-" + count_text + ".gguf"));
  }
  return files;
}

Layer import_file(const PullContext& context, const fs::path& path) {
  const UniqueFd file = open_for_reading(path);
  const std::uint64_t total = file_bytes_if_present(path).value_or(0);
  check_disk(context.layout, total, path.string());
  const Digest key = Digest::of("file:" + path.string());
  const FileLock lock =
      wait_for_lock(context, context.layout.lock(key), context.layout.partial(key), path.string());
  PartialBlob partial(context.layout, key, true, true, context.fail_point);
  partial.restart({.validator = {}, .total_bytes = total, .boot = {}, .published = {}});
  context.meter.begin(PullStage::kJoining, path.string(), 0, total);
  std::vector<std::byte> buffer(kCopyBytes);
  try {
    for (;;) {
      const std::size_t got = read_at(file, buffer, partial.bytes(), path);
      if (got == 0) break;
      if (context.cancel != nullptr && context.cancel->cancelled()) {
        throw Error(ErrorCode::kCancelled, "cancelled");
      }
      partial.append(std::span(buffer).first(got));
      context.meter.set_done(partial.bytes());
    }
  } catch (const Error&) {
    partial.discard();
    throw;
  }
  const std::uint64_t bytes = partial.bytes();
  const Digest digest = partial.publish(std::nullopt, path.string());
  PartialBlob::forget(context.layout, key);  // a second import would copy again, and end the same
  return {LayerRole::kModel, digest, bytes};
}

// What cannot be looked at is not ours to remove: making something there says why.
bool may_exist(const fs::path& place) {
  std::error_code error;
  return fs::exists(place, error) || error;
}

}  // namespace

std::vector<Layer> import_files(const PullContext& context, const fs::path& path) {
  std::vector<Layer> layers;
  for (const fs::path& file : shard_files(path)) layers.push_back(import_file(context, file));
  return layers;
}

EmptyDirectories::EmptyDirectories(const StoreLayout& layout)
    : layout_(layout), exceptions_(std::uncaught_exceptions()) {
  for (const fs::path& room :
       {layout.partials(), layout.wheels(), layout.blobs(), layout.manifests(), layout.sets()}) {
    if (!may_exist(room)) rooms_.push_back(room);
  }
  for (fs::path place = layout.locks(); !may_exist(place) && place != place.parent_path();
       place = place.parent_path()) {
    places_.push_back(place);
  }
}

bool EmptyDirectories::refused() const noexcept { return std::uncaught_exceptions() > exceptions_; }

void EmptyDirectories::remove_rooms() const {
  if (!refused() || anyone_at_work(layout_)) return;
  std::error_code error;  // a directory that is not empty stays
  for (const fs::path& room : rooms_) fs::remove(room, error);
}

EmptyDirectories::~EmptyDirectories() {
  if (!refused()) return;
  std::error_code error;
  for (const fs::path& place : places_) fs::remove(place, error);
}

}  // namespace hearth
