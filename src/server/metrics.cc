#include "server/metrics.h"

#include <algorithm>
#include <cstdio>

#include "platform/memory.h"

namespace hearth {
namespace {

// Seconds. vLLM's own are of this kind; a token here takes 3 to 300 ms, a prompt up to minutes.
constexpr double kFirstTokenBounds[] = {0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1,
                                        2.5,  5,    10,   30,  60,   120};
constexpr double kGapBounds[] = {0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};
constexpr double kWholeBounds[] = {0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

// A label's value may hold no quote, backslash or end of line as it is.
std::string quoted(const std::string& value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

class Text {
 public:
  void family(const char* name, const char* type, const char* help) {
    out += std::string("# HELP ") + name + ' ' + help + "\n# TYPE " + name + ' ' + type + '\n';
  }
  void value(const std::string& name, const std::string& labels, double of) {
    out += name + '{' + labels + "} " + number(of) + '\n';
  }
  std::string out;
};

// What each model in memory does at this moment.
void write_hosted(Text& text, std::span<const HostedStatus> models) {
  const auto of_each = [&](const char* type, const char* name, const char* help, auto value) {
    text.family(name, type, help);
    for (const HostedStatus& m : models) {
      text.value(name, "model_name=" + quoted(m.place.name), static_cast<double>(value(m)));
    }
  };
  of_each("gauge", "vllm:num_requests_running", "Sequences being computed.",
          [](const auto& m) { return m.load.running; });
  of_each("gauge", "vllm:num_requests_waiting", "Sequences that wait.",
          [](const auto& m) { return m.load.waiting; });
  of_each("gauge", "vllm:kv_cache_usage_perc", "Part of the cache's blocks in use, 0 to 1.",
          [](const auto& m) {
            return static_cast<double>(m.load.blocks_in_use) / static_cast<double>(m.load.blocks);
          });
  of_each("gauge", "hearth:kv_blocks", "Blocks of the cache, of 32 positions.",
          [](const auto& m) { return m.load.blocks; });
  of_each("gauge", "hearth:kv_blocks_in_use", "Of them, in use.",
          [](const auto& m) { return m.load.blocks_in_use; });
  of_each("gauge", "hearth:model_memory_bytes", "Weights, and the cache at its most.",
          [](const auto& m) { return m.memory_bytes; });
  of_each("gauge", "hearth:leaves_in_seconds", "Unless it is used before; -1: it stays.",
          [](const auto& m) { return m.leaves_in_seconds.value_or(-1); });
  of_each("gauge", "hearth:predicted_wait_seconds", "For a request that comes now.",
          [](const auto& m) { return m.load.wait_seconds; });
  of_each("counter", "hearth:steps_total", "Passes over the weights.",
          [](const auto& m) { return m.counters.steps; });
  of_each("counter", "hearth:step_rows_total", "Tokens computed in them, again after a preemption.",
          [](const auto& m) { return m.counters.rows; });
  of_each("counter", "hearth:step_seconds_total", "Time in passes over the weights.",
          [](const auto& m) { return m.counters.busy_seconds; });
  of_each("counter", "hearth:computed_prompt_tokens_total", "As they are read, since its load.",
          [](const auto& m) { return m.counters.prompt_rows; });
  of_each("counter", "hearth:computed_answer_tokens_total", "As they are made, since its load.",
          [](const auto& m) { return m.counters.answer_tokens; });
  of_each("counter", "vllm:num_preemptions_total", "Sequences put back to be computed again.",
          [](const auto& m) { return m.load.preemptions; });
  text.family("process_resident_memory_bytes", "gauge", "Of the server.");
  text.out += "process_resident_memory_bytes " + std::to_string(resident_memory_bytes()) + '\n';
}

}  // namespace

void Histogram::add(double value) noexcept {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  ++counts_[static_cast<std::size_t>(at - bounds_.begin())];
  sum_ += value;
}

void Histogram::write(std::string& to, const std::string& name, const std::string& labels) const {
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    so_far += counts_[i];
    const std::string bound = i < bounds_.size() ? number(bounds_[i]) : "+Inf";
    to += name + "_bucket{" + labels + ",le=\"" + bound + "\"} " + std::to_string(so_far) + '\n';
  }
  to += name + "_sum{" + labels + "} " + number(sum_) + '\n';
  to += name + "_count{" + labels + "} " + std::to_string(so_far) + '\n';
}

Metrics::OfModel::OfModel()
    : first_token(kFirstTokenBounds), gap(kGapBounds), whole(kWholeBounds) {}

void Metrics::replied(const std::string& route, int status) {
  const std::scoped_lock lock(mutex_);
  ++replies_[{route, status}];
}

void Metrics::answered(const std::string& model, const GenerationReport& report) {
  const std::scoped_lock lock(mutex_);
  OfModel& of = models_[model];
  if (report.first_token_seconds > 0) of.first_token.add(report.first_token_seconds);
  for (const float gap : report.token_gaps_seconds) of.gap.add(gap);
  of.whole.add(report.total_seconds);
  of.prompt_tokens += report.usage.prompt_tokens;
  of.cached_tokens += report.usage.cached_tokens;
  of.answer_tokens += report.usage.answer_tokens;
  ++of.ended[std::string(finish_name(report))];
}

std::string Metrics::text(std::span<const HostedStatus> models) const {
  Text text;
  write_hosted(text, models);
  const std::scoped_lock lock(mutex_);
  const auto counter = [&](const char* name, const char* help, auto value) {
    text.family(name, "counter", help);
    for (const auto& [model, of] : models_) {
      text.value(name, "model_name=" + quoted(model), static_cast<double>(value(of)));
    }
  };
  counter("vllm:prompt_tokens_total", "Tokens of prompts, cached ones too.",
          [](const OfModel& of) { return of.prompt_tokens; });
  counter("vllm:generation_tokens_total", "Tokens of answers.",
          [](const OfModel& of) { return of.answer_tokens; });
  counter("vllm:prefix_cache_queries_total", "Tokens that were looked for in the cache.",
          [](const OfModel& of) { return of.prompt_tokens; });
  counter("vllm:prefix_cache_hits_total", "Tokens that were found there.",
          [](const OfModel& of) { return of.cached_tokens; });
  text.family("vllm:request_success_total", "counter", "Answers, by how they ended.");
  for (const auto& [model, of] : models_) {
    for (const auto& [reason, count] : of.ended) {
      text.value("vllm:request_success_total",
                 "model_name=" + quoted(model) + ",finished_reason=" + quoted(reason),
                 static_cast<double>(count));
    }
  }
  const auto histogram = [&](const char* name, const char* help, auto which) {
    text.family(name, "histogram", help);
    for (const auto& [model, of] : models_)
      which(of).write(text.out, name, "model_name=" + quoted(model));
  };
  histogram("vllm:time_to_first_token_seconds", "From a request's arrival.",
            [](const OfModel& of) -> const Histogram& { return of.first_token; });
  histogram("vllm:inter_token_latency_seconds", "Between two tokens of an answer.",
            [](const OfModel& of) -> const Histogram& { return of.gap; });
  histogram("vllm:e2e_request_latency_seconds", "From a request's arrival to its answer's end.",
            [](const OfModel& of) -> const Histogram& { return of.whole; });
  text.family("hearth:http_replies_total", "counter", "Replies, by route and status.");
  for (const auto& [key, count] : replies_) {
    text.value("hearth:http_replies_total",
               "route=" + quoted(key.first) + ",status=\"" + std::to_string(key.second) + '"',
               static_cast<double>(count));
  }
  return std::move(text.out);
}

}  // namespace hearth
