// What a token costs, what this machine can do at most, and the speeds that follow from a count of
// tokens and their seconds. Plain values; any thread, measure_limits() on an idle machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "format/gguf.h"

namespace hearth {

// What one token costs: matrix elements multiplied with and bytes read, the head apart (prompts
// need it once).
struct TokenCost {
  std::uint64_t layer_elements = 0, layer_bytes = 0;
  std::uint64_t head_elements = 0, head_bytes = 0;
};
TokenCost token_cost(const Gguf& file);

struct MachineLimits {
  double int8_gops = 0;  // 0: this instruction set has none
  double read_gbytes_per_second = 0;
};

// Measures for less than a second with as many threads as the device has (0: all usable cores).
MachineLimits measure_limits(const std::string& isa, std::size_t threads);

struct Speed {
  double tokens_per_second = 0;  // 0 when there were no tokens, or they took no time
  double gops = 0;               // 10^9 multiply-adds a second, each two operations
  double gbytes_per_second = 0;  // of weights, as the file has them; 0 for a prompt, which shares
                                 // one reading of them among its tokens
};

// A prompt needs the head once, each generated token anew.
Speed prompt_speed(const TokenCost& cost, std::size_t tokens, double seconds);
Speed generation_speed(const TokenCost& cost, std::size_t tokens, double seconds);

// 0 where there is no limit.
inline double share_of(double value, double limit) { return limit > 0 ? value / limit : 0; }

}  // namespace hearth
