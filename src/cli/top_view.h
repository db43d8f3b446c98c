// TopView: what `hearth top` shows of a server between two samples: per model and together. Pure
// functions over plain values: any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/server_sample.h"

namespace hearth {

struct TopFigures {
  std::string name;  // of the model; empty: of all together
  double running = 0, waiting = 0;
  double prompt_tokens_per_second = 0, answer_tokens_per_second = 0;  // since the sample before
  // Of the requests that ended since `since`; none: none did.
  std::optional<double> first_token_p50_seconds, first_token_p95_seconds;
  std::optional<double> cache_hit_share;  // of their prompts' tokens
  double kv_blocks = 0, kv_blocks_in_use = 0;
  double memory_bytes = 0;
  double leaves_in_seconds = -1;  // negative: stays
  double preemptions = 0;
};

struct TopView {
  TopFigures all;                  // its memory is the process's
  std::vector<TopFigures> models;  // those in memory
};

TopView top_view(const ServerSample& since, const ServerSample& before, const ServerSample& now);

nlohmann::ordered_json top_json(const TopView& view);

// Lines of at most `columns` characters, at most `rows` of them.
std::vector<std::string> top_lines(const TopView& view, const std::string& address,
                                   std::size_t columns, std::size_t rows);

}  // namespace hearth
