#include "host/engine_thread.h"

#include "base/error.h"
#include "base/log.h"

namespace hearth {

EngineThread::EngineThread(Engine& engine, Turns& turns)
    : engine_(engine), turns_(turns), load_(engine.load()), thread_([this] { loop(); }) {}

EngineThread::~EngineThread() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  posted_.notify_one();
  thread_.join();
}

void EngineThread::post(Work work) {
  {
    const std::scoped_lock lock(mutex_);
    work_.push_back(std::move(work));
  }
  posted_.notify_one();
}

EngineLoad EngineThread::load() const {
  const std::scoped_lock lock(mutex_);
  return load_;
}

EngineCounters EngineThread::counters() const {
  const std::scoped_lock lock(mutex_);
  return counters_;
}

// Waits for something to do, and takes what was posted. False at the end.
bool EngineThread::take(std::vector<Work>& work) {
  std::unique_lock lock(mutex_);
  load_ = engine_.load();
  counters_ = engine_.counters();
  posted_.wait(lock, [this] { return stopping_ || !work_.empty() || !engine_.idle(); });
  work.swap(work_);
  return !stopping_;
}

void EngineThread::loop() {
  std::vector<Work> work;
  while (take(work)) {
    try {
      for (const Work& each : work) each(engine_);
      const std::scoped_lock turn(turns_);
      engine_.step();
    } catch (const std::exception& error) {
      // Of a request that gave no on_error; it is dropped.
      log(LogLevel::kError, error.what());
    }
    work.clear();
  }
}

}  // namespace hearth
