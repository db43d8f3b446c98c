// EngineThread: the one thread that steps an engine. Whoever wants something of the engine posts
// it; requests call back on this thread, between two steps or at the end of one. After
// stop() what is under way and what is posted is dropped, without being called back.
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
  ~EngineThread() { stop(); }
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  // From any thread. Done before the next step, in order. sequences: that it will submit.
  void post(Work work, std::size_t sequences = 0);
  // Returns when the thread has ended; one caller.
  void stop();
  // As of the last step; those count as waiting that were posted since.
  EngineLoad load() const;
  EngineCounters counters() const;

 private:
  void loop();
  bool take(std::vector<Work>& work, std::size_t& sequences);
  void note(std::size_t submitted);

  Engine& engine_;
  Turns& turns_;
  mutable std::mutex mutex_;
  std::condition_variable posted_;
  std::vector<Work> work_;            // guarded by mutex_, as are the next four
  std::size_t posted_sequences_ = 0;  // not submitted yet
  bool stopping_ = false;
  EngineLoad load_;
  EngineCounters counters_;
  std::thread thread_;
};

}  // namespace hearth
