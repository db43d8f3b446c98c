#include "host/engine_thread.h"

#include "base/error.h"
#include "base/log.h"

namespace hearth {

EngineThread::EngineThread(Engine& engine, Turns& turns)
    : engine_(engine), turns_(turns), load_(engine.load()), thread_([this] { loop(); }) {}

void EngineThread::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  posted_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void EngineThread::post(Work work, std::size_t sequences) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    work_.push_back(std::move(work));
    posted_sequences_ += sequences;
  }
  posted_.notify_one();
}

EngineLoad EngineThread::load() const {
  const std::scoped_lock lock(mutex_);
  EngineLoad load = load_;
  load.waiting += posted_sequences_;
  return load;
}

EngineCounters EngineThread::counters() const {
  const std::scoped_lock lock(mutex_);
  return counters_;
}

// Waits for something to do, and takes what was posted. False at the end.
bool EngineThread::take(std::vector<Work>& work, std::size_t& sequences) {
  std::unique_lock lock(mutex_);
  posted_.wait(lock, [this] { return stopping_ || !work_.empty() || !engine_.idle(); });
  work.swap(work_);
  sequences = posted_sequences_;
  return !stopping_;
}

void EngineThread::note(std::size_t submitted) {
  const std::scoped_lock lock(mutex_);
  load_ = engine_.load();
  counters_ = engine_.counters();
  posted_sequences_ -= submitted;
}

void EngineThread::loop() {
  const auto kept_going = [](const auto& what) {
    try {
      what();
    } catch (const std::exception& error) {
      // Of a request that gave no on_error; it is dropped.
      log(LogLevel::kError, error.what());
    }
  };
  std::vector<Work> work;
  std::size_t sequences = 0;
  while (take(work, sequences)) {
    for (const Work& each : work) kept_going([&] { each(engine_); });
    work.clear();  // and with it what their requests hold, if those have ended by then
    note(sequences);
    kept_going([this] {
      const std::scoped_lock turn(turns_);
      engine_.step();
    });
    note(0);
  }
}

}  // namespace hearth
