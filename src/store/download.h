// Download: one blob from an address into the store. Resumes by range where an earlier process
// stopped (If-Range, so that a changed file is fetched anew), verifies, publishes. Two processes
// that want one blob share the work: the second waits, then finds it done.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "net/client.h"
#include "store/layout.h"
#include "store/manifest.h"
#include "store/partial_blob.h"
#include "store/progress.h"

namespace hearth {

// What every step of a pull needs; all of it outlives the pull.
struct PullContext {
  const StoreLayout& layout;
  HttpClient& http;
  ProgressMeter& meter;
  const FailPoint& fail_point;
  const CancelToken* cancel;
};

struct BlobSource {
  HttpRequest request;
  std::optional<Digest> digest;        // what the source promises; checked
  std::optional<std::uint64_t> bytes;  // what the source promises; checked
  LayerRole role = LayerRole::kModel;
  std::string shown;  // for people: "SmolLM2-135M-Instruct-Q4_K_M.gguf from hf.co"
};

// Kept free for everybody else on the disk: a manifest, a log line, someone's half-written letter.
inline constexpr std::uint64_t kDiskReserveBytes = 16u << 20;
// Templates, parameters and licences; Llama's licence is 8 KB.
inline constexpr std::uint64_t kSmallLayerBytesMax = 4u << 20;

// Names the partial file and its lock; never equal to a ModelRef's key, whose lock is held
// meanwhile.
Digest url_partial_key(std::string_view address);
Digest partial_key(const BlobSource& source);

Layer download_blob(const PullContext& context, const BlobSource& source);

// kResourceExhausted with both numbers when `bytes` more do not fit beside kDiskReserveBytes.
void check_disk(const StoreLayout& layout, std::uint64_t bytes, std::string_view what);

// "98 MB": decimal units, as disks and networks are sold.
std::string format_bytes(std::uint64_t bytes);

// A lock below the store's locks(), whose directory is made when it is missing; nothing: another
// holds it.
std::optional<FileLock> try_lock_in_store(const std::filesystem::path& lock);

// Waits for a lock; between tries reports kWaiting with the size of `watched` as progress.
// kCancelled.
FileLock wait_for_lock(const PullContext& context, const std::filesystem::path& lock,
                       const std::filesystem::path& watched, std::string_view what);

}  // namespace hearth
