// EngineThread: the one thread that steps an engine. Whoever wants something of the engine posts
// it; requests call back on this thread, between two steps or at the end of one. The destructor
// drops what is under way, without calling it back.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "host/turns.h"

namespace hearth {

class EngineThread {
 public:
  using Work = std::function<void(Engine&)>;  // must not throw

  // Both outlive it. turns: held while the engine steps, with everyone else who uses its device.
  EngineThread(Engine& engine, Turns& turns);
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  // From any thread. Done before the next step, in order.
  void post(Work work);
  // As of the last step.
  EngineLoad load() const;
  EngineCounters counters() const;

 private:
  void loop();
  bool take(std::vector<Work>& work);

  Engine& engine_;
  Turns& turns_;
  mutable std::mutex mutex_;
  std::condition_variable posted_;
  std::vector<Work> work_;  // guarded by mutex_, as are the next three
  bool stopping_ = false;
  EngineLoad load_;
  EngineCounters counters_;
  std::thread thread_;
};

}  // namespace hearth
