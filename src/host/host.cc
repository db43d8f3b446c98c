#include "host/host.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "platform/memory.h"

namespace hearth {
namespace {

constexpr std::chrono::seconds kWatchEvery{1};
// Of what is free, what is left to everyone else; and of a model's part, what its cache may take of
// what the weights leave.
constexpr double kUsedMax = 0.9;
constexpr double kCachePart = 0.5;

constexpr std::chrono::milliseconds kRoomLook{5};

void throw_if(const CancelToken* cancel) {
  if (cancel != nullptr && cancel->cancelled())
    throw Error(ErrorCode::kUnavailable, "the server is stopping, or who asked has left");
}

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

Host::Host(HostOptions options)
    : options_(std::move(options)),
      device_(make_device(options_.load.device)),
      watcher_([this] { watch(); }) {}

Host::~Host() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  watcher_.join();
}

void Host::stop() {
  std::vector<std::shared_ptr<HostedModel>> models;
  {
    const std::scoped_lock lock(mutex_);
    refuses_ = true;
    for (auto& [name, entry] : entries_) {
      if (entry.model) models.push_back(entry.model);
    }
    models.insert(models.end(), leaving_.begin(), leaving_.end());
  }
  for (const auto& model : models) {
    model->engine->stop();
    model->loaded->engine.reset();
  }
}

Host::Lease Host::use(Entry& entry, std::optional<double> keep_alive_seconds) {
  entry.used = Clock::now();
  if (keep_alive_seconds) entry.keep_alive_seconds = *keep_alive_seconds;
  return entry.model;
}

Host::Lease Host::acquire(const std::string& name, std::optional<double> keep_alive_seconds,
                          const CancelToken* cancel) {
  const ModelPlace place = options_.find(name);
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(options_.room_wait_seconds));
  std::unique_lock lock(mutex_);
  for (;;) {
    if (refuses_) throw Error(ErrorCode::kUnavailable, "the server is stopping");
    throw_if(cancel);
    const auto [at, fresh] = entries_.try_emplace(place.name);
    if (fresh) at->second.keep_alive_seconds = options_.keep_alive_seconds;
    if (at->second.model && at->second.model->place.made_of != place.made_of) {
      let_go(at);
      continue;
    }
    if (at->second.model) return use(at->second, keep_alive_seconds);
    if (fresh) break;
    // Another loads it.
    changed_.wait_for(lock, std::chrono::milliseconds(100));
  }
  lock.unlock();
  std::shared_ptr<HostedModel> model;
  try {
    model = load(place, until, cancel);
  } catch (...) {
    lock.lock();
    entries_.erase(place.name);
    changed_.notify_all();
    throw;
  }
  lock.lock();
  Entry& entry = entries_.at(place.name);
  entry.model = std::move(model);
  changed_.notify_all();
  return use(entry, keep_alive_seconds);
}

std::shared_ptr<HostedModel> Host::load(const ModelPlace& place, Clock::time_point until,
                                        const CancelToken* cancel) {
  const std::scoped_lock one_at_a_time(loading_);
  throw_if(cancel);
  LoadOptions how = options_.load;
  how.shared_device = device_;
  how.blob_digest = place.digest;
  how.sequences = options_.sequences;
  const std::uint64_t file_bytes = Gguf::open(place.path).file_bytes();
  how.cache_bytes = make_room(place, file_bytes, until, cancel);
  auto model = std::make_shared<HostedModel>();
  model->place = place;
  if (place.defaults) model->defaults = place.defaults();  // first: it may be made anew meanwhile
  model->loaded = open_model(place.path, how);             // beside whoever computes
  model->prompts = std::make_unique<ModelPrompts>(
      model->loaded->tokenizer, template_of(model->defaults, model->loaded->file.metadata()));
  model->memory_bytes = file_bytes + model->loaded->engine->cache_bytes();
  model->engine = std::make_unique<EngineThread>(*model->loaded->engine, turns_);
  log(LogLevel::kInfo, "loaded " + place.name + ", " + mebibytes(model->memory_bytes) + " at most");
  return model;
}

Host::Room Host::free_room() const {
  const auto less = [](std::uint64_t from, std::uint64_t by) { return from - std::min(from, by); };
  // What caches may still grow to is not free, though the system calls it so.
  std::uint64_t used = 0, caches = 0;
  {
    const std::scoped_lock lock(mutex_);
    const auto count = [&](const HostedModel& model) {
      used += model.memory_bytes;
      caches += model.loaded->engine->cache_bytes();
    };
    for (const auto& [name, entry] : entries_) {
      if (entry.model) count(*entry.model);
    }
    for (const auto& model : leaving_) count(*model);
  }
  const auto available =
      static_cast<std::uint64_t>(static_cast<double>(available_memory_bytes()) * kUsedMax);
  const std::uint64_t free = less(available, caches);
  const std::uint64_t allowed =
      options_.memory_bytes == 0 ? free : std::min(free, less(options_.memory_bytes, used));
  return {.free = allowed, .in_use = used};
}

// Unloads what nobody uses, the least recently used first, until the model fits; while what is in
// use would make room for it, waits for that. Returns what its cache may take.
std::uint64_t Host::make_room(const ModelPlace& place, std::uint64_t file_bytes,
                              Clock::time_point until, const CancelToken* cancel) {
  // Room for a cache, too: an eighth of the weights is some thousand tokens of any model.
  const std::uint64_t needed = file_bytes + file_bytes / 8;
  for (;;) {
    const Room room = free_room();
    if (room.free >= needed)
      return static_cast<std::uint64_t>(static_cast<double>(room.free - file_bytes) * kCachePart);
    if (const std::shared_ptr<HostedModel> least = take_least_used()) {
      log(LogLevel::kInfo, "unloads " + least->place.name + " for " + place.name);
      least->engine.reset();
      least->loaded.reset();
      continue;
    }
    if (room.free + room.in_use < needed || Clock::now() >= until) {
      throw Error(ErrorCode::kUnavailable,
                  "the model " + place.name + " needs " + mebibytes(needed) + " of memory and " +
                      mebibytes(room.free) +
                      " are free; wait until another model has been unloaded, or take a smaller "
                      "one or a smaller quantization of it");
    }
    throw_if(cancel);
    std::this_thread::sleep_for(kRoomLook);
  }
}

// Of those that nobody uses; none: nullptr.
std::shared_ptr<HostedModel> Host::take_least_used() {
  const std::scoped_lock lock(mutex_);
  auto least = entries_.end();
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    const bool idle = at->second.model && at->second.model.use_count() == 1;
    if (idle && (least == entries_.end() || at->second.used < least->second.used)) least = at;
  }
  if (least == entries_.end()) return nullptr;
  std::shared_ptr<HostedModel> model = std::move(least->second.model);
  entries_.erase(least);
  return model;
}

bool Host::unload(const std::string& name) {
  std::string known = name;
  try {
    known = options_.find(name).name;
  } catch (const Error&) {
    // Removed since it was loaded: it is known by the name it had.
    const std::scoped_lock lock(mutex_);
    const auto named = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
      return entry.first == name || entry.first.starts_with(name + ":");
    });
    if (named == entries_.end()) throw;
    known = named->first;
  }
  const std::scoped_lock lock(mutex_);
  const auto at = entries_.find(known);
  if (at == entries_.end() || !at->second.model) return false;
  let_go(at);
  return true;
}

void Host::let_go(Entries::iterator at) {
  leaving_.push_back(std::move(at->second.model));
  entries_.erase(at);
  changed_.notify_all();
}

std::vector<HostedStatus> Host::models() const {
  const std::scoped_lock lock(mutex_);
  std::vector<HostedStatus> list;
  for (const auto& [name, entry] : entries_) {
    if (!entry.model) continue;
    const HostedModel& model = *entry.model;
    HostedStatus status{model.place,  model.memory_bytes,   model.loaded->engine->context(),
                        std::nullopt, model.engine->load(), model.engine->counters()};
    if (entry.keep_alive_seconds >= 0) {
      const double idle = std::chrono::duration<double>(Clock::now() - entry.used).count();
      const bool used = entry.model.use_count() > 1;
      status.leaves_in_seconds = entry.keep_alive_seconds - (used ? 0 : idle);
    }
    list.push_back(std::move(status));
  }
  return list;
}

// Once a second while a model is in memory: notes which are in use, and unloads those that nobody
// has used for long enough. Destroys models: an engine's own thread cannot.
void Host::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    std::vector<std::shared_ptr<HostedModel>> gone;
    const Clock::time_point now = Clock::now();
    for (auto at = entries_.begin(); at != entries_.end();) {
      Entry& entry = at->second;
      if (entry.model && entry.model.use_count() > 1) entry.used = now;
      const double idle = std::chrono::duration<double>(now - entry.used).count();
      const bool leaves = entry.model && entry.model.use_count() == 1 &&
                          entry.keep_alive_seconds >= 0 && idle >= entry.keep_alive_seconds;
      if (leaves) gone.push_back(std::move(entry.model));
      at = leaves ? entries_.erase(at) : std::next(at);
    }
    const auto idle = std::partition(leaving_.begin(), leaving_.end(),
                                     [](const auto& model) { return model.use_count() > 1; });
    std::move(idle, leaving_.end(), std::back_inserter(gone));
    leaving_.erase(idle, leaving_.end());
    lock.unlock();
    gone.clear();
    lock.lock();
    if (stopping_) break;
    if (entries_.empty() && leaving_.empty()) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, kWatchEvery);
    }
  }
}

}  // namespace hearth
