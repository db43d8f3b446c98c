#include "store/download.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <thread>

#include "base/error.h"
#include "base/exhausted.h"
#include "store/content_range.h"

namespace hearth {

Digest url_partial_key(std::string_view address) {
  return Digest::of("partial " + std::string(address));
}

Digest partial_key(const BlobSource& source) {
  return source.digest ? *source.digest : url_partial_key(source.request.url.text());
}

namespace {

using std::chrono::milliseconds;

// Tries in a row that brought no new byte. With pauses of 0.5, 1, 2 s a broken line is given up
// after 4 s and the stall timeouts.
constexpr int kFruitlessTriesMax = 4;
constexpr milliseconds kFirstPause{500};
constexpr milliseconds kPoll{100};

void pause(milliseconds length, const CancelToken* cancel) {
  const auto end = std::chrono::steady_clock::now() + length;
  while (std::chrono::steady_clock::now() < end) {
    if (cancel != nullptr && cancel->cancelled()) throw Error(ErrorCode::kCancelled, "cancelled");
    std::this_thread::sleep_for(std::min(kPoll, length));
  }
}

// An ETag that may be used for If-Range (a weak one may not, RFC 9110 §13.1.5), or the date.
std::string validator_of(const HttpHead& head) {
  const std::string* etag = head.header("etag");
  if (etag != nullptr && etag->starts_with('"') && etag->size() <= 1024) return *etag;
  const std::string* date = head.header("last-modified");
  return date != nullptr && date->size() <= 128 ? *date : std::string();
}

// One blob's transfer over as many connections as it takes.
class Download {
 public:
  Download(const PullContext& context, const BlobSource& source, PartialBlob& partial)
      : context_(context), source_(source), partial_(partial) {}

  void run();

 private:
  bool complete() const noexcept {
    return partial_.bytes() > 0 && partial_.bytes() == partial_.journal().total_bytes;
  }
  bool may_resume() const noexcept {
    return partial_.bytes() > 0 && partial_.bytes() < partial_.journal().total_bytes &&
           (source_.digest || !partial_.journal().validator.empty());
  }
  void connect();
  void take_head(const HttpHead& head);
  void begin_anew(const HttpHead& head);
  void check_continuation(const HttpHead& head) const;
  [[noreturn]] void refuse(std::string_view why) const;

  const PullContext& context_;
  const BlobSource& source_;
  PartialBlob& partial_;
  bool answered_ = false;
  bool resuming_ = false;
  bool range_refused_ = false;  // the server cannot continue what we have: ask for all of it
};

void Download::refuse(std::string_view why) const {
  throw Error(ErrorCode::kCorruptData, source_.shown + ": " + std::string(why),
              source_.request.url.text());
}

void Download::begin_anew(const HttpHead& head) {
  const auto total = head.content_bytes ? head.content_bytes : source_.bytes;
  if (!total) refuse("the server does not say how large it is");
  if (*total == 0) refuse("it is empty");
  if (source_.bytes && *total != *source_.bytes) {
    refuse("the server announces " + std::to_string(*total) + " bytes instead of " +
           std::to_string(*source_.bytes));
  }
  if (source_.role != LayerRole::kModel && source_.role != LayerRole::kProjector &&
      source_.role != LayerRole::kAdapter && *total > kSmallLayerBytesMax) {
    refuse("it is larger than the 4 MiB a text may have");
  }
  check_disk(context_.layout, *total, source_.shown);
  partial_.restart(
      {.validator = validator_of(head), .total_bytes = *total, .boot = {}, .published = {}});
}

void Download::check_continuation(const HttpHead& head) const {
  const std::string* text = head.header("content-range");
  const auto range = text != nullptr ? parse_content_range(*text) : std::nullopt;
  if (!range || range->first != partial_.bytes() ||
      range->total.value_or(partial_.journal().total_bytes) != partial_.journal().total_bytes) {
    refuse("the server continued it at another place than asked");
  }
}

void Download::take_head(const HttpHead& head) {
  if (head.status < 500) answered_ = true;
  if (head.status == 416 && resuming_) {
    range_refused_ = true;
    throw Error(ErrorCode::kUnavailable, source_.shown + ": the server refused to continue it");
  }
  if (head.status != 200 && !(head.status == 206 && resuming_)) throw_status(head);
  if (head.status == 200) {
    begin_anew(head);
  } else {
    const std::string now = validator_of(head);
    const std::string& before = partial_.journal().validator;
    if (!now.empty() && !before.empty() && now != before) {
      range_refused_ = true;
      throw Error(ErrorCode::kUnavailable, source_.shown + ": it changed on the server");
    }
    check_continuation(head);
    check_disk(context_.layout, partial_.journal().total_bytes - partial_.bytes(), source_.shown);
  }
  context_.meter.begin(PullStage::kDownloading, source_.shown, partial_.bytes(),
                       partial_.journal().total_bytes);
}

void Download::connect() {
  HttpRequest request = source_.request;
  resuming_ = may_resume() && !range_refused_;
  if (resuming_) {
    request.headers.emplace_back("Range", "bytes=" + std::to_string(partial_.bytes()) + "-");
    const std::string& validator = partial_.journal().validator;
    if (!validator.empty()) request.headers.emplace_back("If-Range", validator);
  }
  const HttpReceiver receiver{[this](const HttpHead& head) { take_head(head); },
                              [this](std::span<const std::byte> bytes) {
                                const auto left = partial_.journal().total_bytes - partial_.bytes();
                                if (bytes.size() > left)
                                  refuse("the server sends more than announced");
                                partial_.append(bytes);
                                context_.meter.set_done(partial_.bytes());
                              }};
  context_.http.get(request, receiver, context_.cancel);
  if (!complete()) {
    throw Error(ErrorCode::kUnavailable,
                source_.shown + ": the connection ended after " + std::to_string(partial_.bytes()) +
                    " of " + std::to_string(partial_.journal().total_bytes) + " bytes");
  }
}

void Download::run() {
  int fruitless = 0;
  while (!complete()) {
    const std::uint64_t before = partial_.bytes();
    try {
      connect();
    } catch (const Error& error) {
      // Whoever never answered (offline, wrong host, overloaded) is not asked again.
      if (error.code() != ErrorCode::kUnavailable || !answered_) throw;
      fruitless = partial_.bytes() > before ? 0 : fruitless + 1;
      if (fruitless == kFruitlessTriesMax) throw;
      pause(kFirstPause * (fruitless + 1), context_.cancel);
    }
  }
}

// What is in the store already: by the promised digest, or by what an interrupted pull published.
std::optional<Layer> present(const PullContext& context, const BlobSource& source) {
  const Digest key = partial_key(source);
  const auto digest = source.digest ? source.digest : PartialBlob::published(context.layout, key);
  if (!digest) return std::nullopt;
  const auto bytes = file_bytes_if_present(context.layout.blob(*digest));
  if (!bytes || (source.bytes && *bytes != *source.bytes)) return std::nullopt;
  if (source.digest) PartialBlob::forget(context.layout, key);
  return Layer{source.role, *digest, *bytes};
}

// Whether what lies in the partial file is worth keeping for the next pull.
bool worth_keeping(const Error& error) noexcept {
  return error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kCancelled;
}

}  // namespace

Layer download_blob(const PullContext& context, const BlobSource& source) {
  if (auto layer = present(context, source)) return *layer;
  const Digest key = partial_key(source);
  const FileLock lock =
      wait_for_lock(context, context.layout.lock(key), context.layout.partial(key), source.shown);
  if (auto layer = present(context, source)) return *layer;
  const bool is_gguf = source.role == LayerRole::kModel || source.role == LayerRole::kProjector ||
                       source.role == LayerRole::kAdapter;
  PartialBlob partial(context.layout, key, source.digest.has_value(), is_gguf, context.fail_point);
  try {
    Download(context, source, partial).run();
  } catch (const Error& error) {
    if (!worth_keeping(error) || partial.bytes() == 0) partial.discard();
    throw;
  }
  const std::uint64_t bytes = partial.bytes();
  context.meter.begin(PullStage::kChecking, source.shown, bytes, bytes);
  return {source.role, partial.publish(source.digest, source.shown), bytes};
}

void check_disk(const StoreLayout& layout, std::uint64_t bytes, std::string_view what) {
  const std::uint64_t free_bytes = free_disk_bytes(layout.home());
  if (bytes <= free_bytes && free_bytes - bytes >= kDiskReserveBytes) return;
  throw ShortageError(ShortageError::Of::kDisk,
                      std::string(what) + " needs " + format_bytes(bytes) +
                          " more on the disk (and " + format_bytes(kDiskReserveBytes) +
                          " kept free), which has " + format_bytes(free_bytes) +
                          ": free some, or set HEARTH_HOME to another disk",
                      layout.home().string());
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  const int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::snprintf(text.data(), text.size(), "%.*f %s", decimals, value, kUnits[unit]);
  return text.data();
}

// A refused pull beside us may remove the empty directory between our making and our using it.
std::optional<FileLock> try_lock_in_store(const std::filesystem::path& lock) {
  for (int tries = 0;; ++tries) {
    try {
      make_directories(lock.parent_path());
      return FileLock::try_lock(lock);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound || tries == 10) throw with_home_advice(error);
    }
  }
}

FileLock wait_for_lock(const PullContext& context, const std::filesystem::path& lock,
                       const std::filesystem::path& watched, std::string_view what) {
  if (auto held = try_lock_in_store(lock)) return std::move(*held);
  context.meter.begin(PullStage::kWaiting, std::string(what));
  for (;;) {
    pause(kPoll, context.cancel);
    if (auto held = try_lock_in_store(lock)) return std::move(*held);
    context.meter.set_done(file_bytes_if_present(watched).value_or(0));
  }
}

}  // namespace hearth
