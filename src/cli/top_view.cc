#include "cli/top_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "format/printable.h"
#include "store/download.h"

namespace hearth {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kNameBytesMax = 40;

const ModelSample& of_model(const ServerSample& sample, const std::string& name) {
  static const ModelSample none;
  const auto found = sample.models.find(name);
  return found == sample.models.end() ? none : found->second;
}

// What a counter has grown by: one that fell began again at 0, with a model's load.
double growth(double before, double now) { return now >= before ? now - before : now; }

using Counts = std::map<double, double>;  // cumulative, by upper bound

void add_growth(const Counts& before, const Counts& now, Counts& to) {
  for (const auto& [bound, count] : now) {
    const auto was = before.find(bound);
    to[bound] += growth(was == before.end() ? 0 : was->second, count);
  }
}

// Inside a bucket, as if its values were spread evenly; of the last, its beginning.
std::optional<double> quantile(const Counts& counts, double part) {
  if (counts.empty() || counts.rbegin()->second <= 0) return std::nullopt;
  const double wanted = part * counts.rbegin()->second;
  double lower = 0, below = 0;
  for (const auto& [bound, count] : counts) {
    if (count >= wanted && count > below) {
      return std::isinf(bound) ? lower
                               : lower + (bound - lower) * (wanted - below) / (count - below);
    }
    lower = std::isinf(bound) ? lower : bound;
    below = count;
  }
  return lower;
}

struct Ended {
  Counts first_token;
  double looked_for_tokens = 0, found_tokens = 0;

  void add(const ModelSample& since, const ModelSample& now) {
    add_growth(since.first_token, now.first_token, first_token);
    looked_for_tokens += growth(since.looked_for_tokens, now.looked_for_tokens);
    found_tokens += growth(since.found_tokens, now.found_tokens);
  }
  void tell(TopFigures& figures) const {
    figures.first_token_p50_seconds = quantile(first_token, 0.5);
    figures.first_token_p95_seconds = quantile(first_token, 0.95);
    if (looked_for_tokens > 0) figures.cache_hit_share = found_tokens / looked_for_tokens;
  }
};

std::string text_of(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string whole(double value) { return text_of("%.0f", value); }
std::string percent(double part) { return text_of("%.0f %%", 100 * part); }
std::string bytes_text(double bytes) {
  return format_bytes(static_cast<std::uint64_t>(std::clamp(bytes, 0.0, 1e18)));
}
std::string seconds_text(const std::optional<double>& seconds) {
  if (!seconds) return "-";
  return text_of(*seconds < 9.995 ? "%.2f s" : "%.0f s", *seconds);
}
std::string kv_text(const TopFigures& of) {
  return of.kv_blocks > 0 ? percent(of.kv_blocks_in_use / of.kv_blocks) : "-";
}
std::string leaves_text(const TopFigures& of) {
  if (of.leaves_in_seconds < 0) return "stays";
  if (of.running + of.waiting > 0) return "in use";
  if (of.leaves_in_seconds < 100) return whole(of.leaves_in_seconds) + " s";
  return whole(of.leaves_in_seconds / 60) + " min";
}

std::string cut(std::string_view line, std::size_t columns) {
  std::string shown;
  for (std::size_t used = 0; !line.empty() && used < columns; ++used) {
    const std::size_t length = first_utf8_unit(line).length;
    shown += line.substr(0, length);
    line.remove_prefix(length);
  }
  return shown;
}

// The name to the left, figures to the right of their columns.
std::string row_text(const std::string& name, const std::vector<std::string>& cells,
                     std::size_t name_width) {
  static constexpr std::size_t kWidths[] = {4, 5, 9, 9, 10, 6, 6, 9, 8};
  std::string line = name + std::string(name_width - std::min(name_width, name.size()), ' ');
  for (std::size_t i = 0; i < cells.size(); ++i) {
    line += std::string(std::max(kWidths[i], cells[i].size() + 1) - cells[i].size(), ' ');
    line += cells[i];
  }
  return line;
}

std::vector<std::string> cells_of(const TopFigures& of) {
  return {whole(of.running),
          whole(of.waiting),
          whole(of.prompt_tokens_per_second),
          whole(of.answer_tokens_per_second),
          seconds_text(of.first_token_p50_seconds),
          kv_text(of),
          of.cache_hit_share ? percent(*of.cache_hit_share) : "-",
          bytes_text(of.memory_bytes),
          leaves_text(of)};
}

ordered_json figures_json(const TopFigures& of) {
  const auto or_null = [](const std::optional<double>& value) {
    return value ? ordered_json(*value) : ordered_json();
  };
  return {{"running", of.running},
          {"waiting", of.waiting},
          {"prompt_tokens_per_second", of.prompt_tokens_per_second},
          {"answer_tokens_per_second", of.answer_tokens_per_second},
          {"first_token_p50_seconds", or_null(of.first_token_p50_seconds)},
          {"first_token_p95_seconds", or_null(of.first_token_p95_seconds)},
          {"cache_hit_share", or_null(of.cache_hit_share)},
          {"kv_blocks", of.kv_blocks},
          {"kv_blocks_in_use", of.kv_blocks_in_use},
          {"preemptions", of.preemptions},
          {"memory_bytes", of.memory_bytes}};
}

}  // namespace

TopView top_view(const ServerSample& since, const ServerSample& before, const ServerSample& now) {
  TopView view;
  Ended all_ended;
  const double seconds = std::max(now.seconds - before.seconds, 1e-3);
  for (const auto& [name, model] : now.models) {
    Ended ended;
    ended.add(of_model(since, name), model);
    all_ended.add(of_model(since, name), model);
    if (!model.in_memory) continue;
    const ModelSample& was = of_model(before, name);
    TopFigures figures{
        .name = name,
        .running = model.running,
        .waiting = model.waiting,
        .prompt_tokens_per_second = growth(was.computed_prompt, model.computed_prompt) / seconds,
        .answer_tokens_per_second = growth(was.computed_answer, model.computed_answer) / seconds,
        .first_token_p50_seconds = {},
        .first_token_p95_seconds = {},
        .cache_hit_share = {},
        .kv_blocks = model.kv_blocks,
        .kv_blocks_in_use = model.kv_blocks_in_use,
        .memory_bytes = model.memory_bytes,
        .leaves_in_seconds = model.leaves_in_seconds,
        .preemptions = model.preemptions};
    ended.tell(figures);
    for (double TopFigures::* const sum :
         {&TopFigures::running, &TopFigures::waiting, &TopFigures::prompt_tokens_per_second,
          &TopFigures::answer_tokens_per_second, &TopFigures::kv_blocks,
          &TopFigures::kv_blocks_in_use, &TopFigures::preemptions}) {
      view.all.*sum += figures.*sum;
    }
    view.models.push_back(std::move(figures));
  }
  all_ended.tell(view.all);
  view.all.memory_bytes = now.process_bytes;
  return view;
}

ordered_json top_json(const TopView& view) {
  ordered_json json = figures_json(view.all);
  json["models"] = ordered_json::array();
  for (const TopFigures& of : view.models) {
    ordered_json model = {{"name", of.name}};
    model.update(figures_json(of));
    model["leaves_in_seconds"] =
        of.leaves_in_seconds < 0 ? ordered_json() : ordered_json(of.leaves_in_seconds);
    json["models"].push_back(std::move(model));
  }
  return json;
}

std::vector<std::string> top_lines(const TopView& view, const std::string& address,
                                   std::size_t columns, std::size_t rows) {
  const TopFigures& all = view.all;
  std::vector<std::string> lines = {
      address + "   memory " + bytes_text(all.memory_bytes),
      "requests    " + whole(all.running) + " running, " + whole(all.waiting) + " waiting, " +
          whole(all.preemptions) + " preempted",
      "tokens/s    " + whole(all.prompt_tokens_per_second) + " of prompts, " +
          whole(all.answer_tokens_per_second) + " of answers",
      "first token " + seconds_text(all.first_token_p50_seconds) + " median, " +
          seconds_text(all.first_token_p95_seconds) + " p95",
      "KV blocks   " + whole(all.kv_blocks_in_use) + " of " + whole(all.kv_blocks) +
          "; prompts found in the cache " +
          (all.cache_hit_share ? percent(*all.cache_hit_share) : "-"),
      ""};
  std::size_t name_width = 5;
  for (const TopFigures& of : view.models) {
    name_width = std::max(name_width, printable(of.name, kNameBytesMax).size());
  }
  if (view.models.empty()) {
    lines.emplace_back("no model is in memory");
  } else {
    lines.push_back(row_text(
        "MODEL",
        {"RUN", "WAIT", "PROMPT/S", "ANSWER/S", "1ST TOKEN", "KV", "HITS", "MEMORY", "LEAVES"},
        name_width));
  }
  for (const TopFigures& of : view.models) {
    lines.push_back(row_text(printable(of.name, kNameBytesMax), cells_of(of), name_width));
  }
  lines.resize(std::min(lines.size(), rows));
  for (std::string& line : lines) line = cut(line, columns);
  return lines;
}

}  // namespace hearth
