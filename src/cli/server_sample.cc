#include "cli/server_sample.h"

#include <charconv>
#include <limits>
#include <optional>

namespace hearth {
namespace {

std::optional<double> number(std::string_view text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The labels of "{name="value",…}", unescaped; `rest` is left behind the brace.
std::map<std::string, std::string> take_labels(std::string_view& rest) {
  std::map<std::string, std::string> labels;
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() != '}') {
    const std::size_t equals = rest.find("=\"");
    if (equals == std::string_view::npos) break;
    std::string& value = labels[std::string(rest.substr(0, equals))];
    rest.remove_prefix(equals + 2);
    while (!rest.empty() && rest.front() != '"') {
      const bool escaped = rest.front() == '\\' && rest.size() > 1;
      if (escaped) rest.remove_prefix(1);
      value += escaped && rest.front() == 'n' ? '\n' : rest.front();
      rest.remove_prefix(1);
    }
    if (!rest.empty()) rest.remove_prefix(1);
    if (rest.starts_with(',')) rest.remove_prefix(1);
  }
  if (!rest.empty()) rest.remove_prefix(1);
  return labels;
}

struct Figure {
  std::string_view name;
  double ModelSample::* member;
};
constexpr Figure kFigures[] = {
    {"vllm:num_requests_running", &ModelSample::running},
    {"vllm:num_requests_waiting", &ModelSample::waiting},
    {"hearth:kv_blocks", &ModelSample::kv_blocks},
    {"hearth:kv_blocks_in_use", &ModelSample::kv_blocks_in_use},
    {"hearth:model_memory_bytes", &ModelSample::memory_bytes},
    {"hearth:leaves_in_seconds", &ModelSample::leaves_in_seconds},
    {"hearth:computed_prompt_tokens_total", &ModelSample::computed_prompt},
    {"hearth:computed_answer_tokens_total", &ModelSample::computed_answer},
    {"vllm:prefix_cache_queries_total", &ModelSample::looked_for_tokens},
    {"vllm:prefix_cache_hits_total", &ModelSample::found_tokens},
    {"vllm:num_preemptions_total", &ModelSample::preemptions},
};

void read_line(std::string_view line, ServerSample& sample) {
  if (line.empty() || line.front() == '#') return;
  const std::size_t name_end = line.find_first_of("{ ");
  if (name_end == std::string_view::npos) return;
  const std::string_view name = line.substr(0, name_end);
  std::string_view rest = line.substr(name_end);
  std::map<std::string, std::string> labels;
  if (rest.front() == '{') labels = take_labels(rest);
  if (!rest.starts_with(' ')) return;
  const std::optional<double> value = number(rest.substr(1));
  if (!value) return;
  if (name == "process_resident_memory_bytes") sample.process_bytes = *value;
  const auto model = labels.find("model_name");
  if (model == labels.end()) return;
  ModelSample& of = sample.models[model->second];
  if (name == "hearth:model_memory_bytes") of.in_memory = true;
  for (const Figure& figure : kFigures) {
    if (figure.name == name) of.*figure.member = *value;
  }
  if (name != "vllm:time_to_first_token_seconds_bucket") return;
  if (const auto bound = number(labels["le"])) of.first_token[*bound] = *value;
}

}  // namespace

ServerSample parse_metrics(std::string_view text, double seconds) {
  ServerSample sample;
  sample.seconds = seconds;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    read_line(text.substr(0, end), sample);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return sample;
}

}  // namespace hearth
