// What a token costs, what this machine can do at most, and the speeds that follow from a count of
// tokens and their seconds. Plain values, any thread; LimitProbe: one thread, on an idle machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "format/gguf.h"
#include "kernels/isa.h"
#include "models/model.h"
#include "platform/memory.h"
#include "platform/thread_pool.h"

namespace hearth {

// Keys and values of a run of layers that see equally far.
struct CacheCost {
  std::uint64_t bytes_per_position = 0;
  std::size_t window = 0;  // positions a row sees, its own included; 0: all
};

// What one token costs: matrix elements multiplied with and bytes read, the head apart (prompts
// need it once). Keys and values count where `caches` names them.
struct TokenCost {
  std::uint64_t layer_elements = 0, layer_bytes = 0;
  std::uint64_t head_elements = 0, head_bytes = 0;
  std::vector<CacheCost> caches = {};
};
TokenCost token_cost(const Gguf& file);
std::vector<CacheCost> cache_costs(const Model& model, const Device& device);

struct MachineLimits {
  double int8_gops = 0;  // 0: this instruction set has none
  double read_gbytes_per_second = 0;
  bool cores_shared = false;  // the threads ran on fewer physical cores than there are threads
};

// Whether `threads` threads together reach too little for each to have had a core of its own.
bool cores_shared(double int8_gops_of_one, double int8_gops_of_all, std::size_t threads);

// Measures the limits again and again: other tenants of the machine move them by the minute.
class LimitProbe {
 public:
  // With as many threads as the device has (0: all usable cores).
  LimitProbe(const std::string& isa, std::size_t threads);
  MachineLimits measure();  // 0.6 s

 private:
  Isa isa_;
  ThreadPool all_;
  ThreadPool one_;
  PageBuffer memory_;
};

// Of one LimitProbe, once.
MachineLimits measure_limits(const std::string& isa, std::size_t threads);

struct Speed {
  double tokens_per_second = 0;  // 0 when there were no tokens, or they took no time
  double gops = 0;               // 10^9 multiply-adds with weights a second, each two operations
  double gbytes_per_second = 0;  // of weights, as the file has them, and of the caches that the
                                 // cost names; 0 for a prompt, which shares one reading of them
};

// A prompt needs the head once, each generated token anew.
Speed prompt_speed(const TokenCost& cost, std::size_t tokens, double seconds);
Speed generation_speed(const TokenCost& cost, std::size_t tokens, double seconds);

// Sequences that generate together: a step reads the weights once and gives each a token.
struct Generation {
  std::size_t steps = 0;
  std::size_t sequences = 1;
  std::size_t depth = 0;  // positions each has in the cache when the first step begins
};
Speed generation_speed(const TokenCost& cost, const Generation& generation, double seconds);

// 0 where there is no limit.
inline double share_of(double value, double limit) { return limit > 0 ? value / limit : 0; }

}  // namespace hearth
