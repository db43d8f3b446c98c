// ServerSample: what a server's /metrics said at one moment, of each model and of the process.
// Parsed from Prometheus' text format, by a server that the person named: what is not known is
// skipped. A plain value.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace hearth {

struct ModelSample {
  bool in_memory = false;
  double running = 0, waiting = 0;  // sequences
  double kv_blocks = 0, kv_blocks_in_use = 0;
  double memory_bytes = 0;
  double leaves_in_seconds = -1;                    // negative: stays
  double computed_prompt = 0, computed_answer = 0;  // tokens, as they come
  double looked_for_tokens = 0, found_tokens = 0;   // in the prefix cache, by requests that ended
  double preemptions = 0;
  std::map<double, double> first_token;  // cumulative counts, by upper bound in seconds
};

struct ServerSample {
  double seconds = 0;  // when, by a clock that never goes back
  double process_bytes = 0;
  std::map<std::string, ModelSample> models;
};

ServerSample parse_metrics(std::string_view text, double seconds);

}  // namespace hearth
