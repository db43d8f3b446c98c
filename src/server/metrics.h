// Metrics: what the server has done, for Prometheus: vLLM's names where it has one (docs/serve.md
// has the list), ours otherwise. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "host/host.h"
#include "server/generation.h"

namespace hearth {

class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds), counts_(bounds.size() + 1) {}
  void add(double value) noexcept;
  void write(std::string& to, const std::string& name, const std::string& labels) const;

 private:
  std::span<const double> bounds_;  // upper, ascending
  std::vector<std::uint64_t> counts_;
  double sum_ = 0;
};

class Metrics {
 public:
  void replied(const std::string& route, int status);
  void answered(const std::string& model, const GenerationReport& report);

  // The text format 0.0.4.
  std::string text(std::span<const HostedStatus> models) const;

 private:
  struct OfModel {
    OfModel();
    Histogram first_token, gap, whole;
    std::uint64_t prompt_tokens = 0, cached_tokens = 0, answer_tokens = 0;
    std::map<std::string, std::uint64_t> ended;  // by reason
  };

  mutable std::mutex mutex_;
  std::map<std::string, OfModel> models_;                         // guarded by mutex_
  std::map<std::pair<std::string, int>, std::uint64_t> replies_;  // likewise
};

}  // namespace hearth
