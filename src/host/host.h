// Host: the models in memory. Each is loaded when it is first wanted, shared by all who want it,
// and leaves when nobody has used it for a while, or when another needs its room. They share one
// Device, and take turns on it. What a model needs is computed before it is loaded: the Host
// refuses rather than let the system swap or kill. Any thread; acquire() may block for as long as
// a load takes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "host/engine_thread.h"
#include "host/loaded_model.h"
#include "host/model_defaults.h"
#include "host/model_prompts.h"

namespace hearth {

// Where a model's file is, and what it is called.
struct ModelPlace {
  std::string name;  // one name for every way of asking for it
  std::filesystem::path path;
  std::string digest;                            // of a blob of the library; else empty
  std::string made_of = {};                      // another text: another model has that name now
  std::function<ModelDefaults()> defaults = {};  // read when it is loaded; none: it has none
};

// A model in memory. `engine` is stopped first.
struct HostedModel {
  ModelPlace place;
  std::unique_ptr<LoadedModel> loaded;
  ModelDefaults defaults;
  std::unique_ptr<ModelPrompts> prompts;  // by its defaults' template, where they have one
  std::uint64_t memory_bytes = 0;         // weights, and keys and values at their most
  std::unique_ptr<EngineThread> engine;
};

struct HostOptions {
  LoadOptions load;                // of every model; sequences and cache_bytes are the Host's
  std::size_t sequences = 64;      // of one model, running at a time
  std::uint64_t memory_bytes = 0;  // that all models together may take; 0: what the system has free
  double keep_alive_seconds = 300;
  double room_wait_seconds = 30;  // for a model in use to be let go, where another needs its room
  std::function<ModelPlace(const std::string& name)> find;  // throws kNotFound
};

struct HostedStatus {
  ModelPlace place;
  std::uint64_t memory_bytes = 0;
  std::size_t context = 0;
  std::optional<double> leaves_in_seconds;  // none: stays for ever
  EngineLoad load;
  EngineCounters counters;
};

class Host {
 public:
  using Lease = std::shared_ptr<const HostedModel>;  // stays in memory while anyone holds it

  explicit Host(HostOptions options);
  ~Host();  // every Lease has been given back, or stop() called

  // Drops what is being computed, without calling it back, and with it the Leases of requests;
  // nothing is loaded from then on. Nobody else uses a Lease, nor calls acquire(), meanwhile.
  void stop();

  // keep_alive_seconds: after the last Lease is given back; negative: for ever; none: the Host's.
  // Errors: as find and open_model; kUnavailable with figures where it does not fit; kCancelled.
  Lease acquire(const std::string& name, std::optional<double> keep_alive_seconds,
                const CancelToken* cancel);
  // As soon as nobody uses it. False when it is not in memory.
  bool unload(const std::string& name);
  std::vector<HostedStatus> models() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    std::shared_ptr<HostedModel> model;  // none: being loaded
    double keep_alive_seconds = 0;
    Clock::time_point used;
  };
  using Entries = std::map<std::string, Entry>;

  void let_go(Entries::iterator at);
  Lease use(Entry& entry, std::optional<double> keep_alive_seconds);
  std::shared_ptr<HostedModel> load(const ModelPlace& place, Clock::time_point until,
                                    const CancelToken* cancel);
  struct Room {
    std::uint64_t free = 0, in_use = 0;  // bytes; in_use: by models
  };
  Room free_room() const;
  std::uint64_t make_room(const ModelPlace& place, std::uint64_t file_bytes,
                          Clock::time_point until, const CancelToken* cancel);
  std::shared_ptr<HostedModel> take_least_used();
  void watch();

  HostOptions options_;
  std::shared_ptr<Device> device_;
  Turns turns_;
  std::mutex loading_;  // one load at a time
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Entries entries_;                                    // guarded by mutex_
  std::vector<std::shared_ptr<HostedModel>> leaving_;  // likewise: unloaded while in use
  bool refuses_ = false, stopping_ = false;            // likewise
  std::thread watcher_;
};

}  // namespace hearth
