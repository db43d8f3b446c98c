// hearth bench MODEL: how fast a model is on this machine, beside what the machine can do at most.
#include "eval/bench.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.h"
#include "load.h"

namespace hearth {
namespace {

struct BenchFlags {
  LoadFlags load;
  BenchOptions options;
  bool json = false;
};

std::string with_share(double value, double limit) {
  if (value <= 0 || limit <= 0) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.1f (%.0f%% of %.0f)", value, 100 * share_of(value, limit),
                limit);
  return text;
}

// Of a region that multiplies: its weights, and how fast they were read.
std::string product_of(const RegionTime& time) {
  if (time.label.rows == 0) return "";
  const double bytes =
      static_cast<double>(row_bytes(time.label.type, time.label.cols) * time.label.rows);
  char text[96];
  std::snprintf(text, sizeof text, "%s %zu x %zu, %.1f GB/s",
                std::string(dtype_info(time.label.type).name).c_str(), time.label.rows,
                time.label.cols, bytes * static_cast<double>(time.regions) / time.seconds / 1e9);
  return text;
}

// Where a step's time goes, in the order of its regions.
void print_layers(const BenchRow& row) {
  double all = 0;
  for (const RegionTime& time : row.regions) all += time.seconds;
  const auto steps = static_cast<double>(row.steps);
  std::printf("  %-20s %8s %12s %12s %6s %7s  %s\n", "region", "a step", "us a step", "us each",
              "share", "waiting", "weights");
  for (const RegionTime& time : row.regions) {
    const auto regions = static_cast<double>(time.regions);
    std::printf("  %-20s %8.0f %12.1f %12.2f %5.1f%% %6.1f%%  %s\n", time.label.operation,
                regions / steps, 1e6 * time.seconds / steps, 1e6 * time.seconds / regions,
                100 * time.seconds / all, 100 * (1 - time.busy_seconds / time.seconds),
                product_of(time).c_str());
  }
}

void print_table(const LoadedModel& loaded, const std::vector<BenchRow>& rows) {
  std::printf("%.*s; loaded in %.2f s\n", static_cast<int>(loaded.device->name().size()),
              loaded.device->name().data(), loaded.load_seconds);
  std::printf("%-12s %9s %19s  %-24s %s\n", "test", "tokens/s", "min … max", "Gop/s, of int8 peak",
              "GB/s, of read bandwidth");
  for (const BenchRow& row : rows) {
    if (row.name == kBenchLoad) {
      std::printf("%-12s %.2f s to the first token\n", row.name.c_str(), row.seconds);
      continue;
    }
    std::printf("%-12s %9.1f %8.1f … %8.1f  %-24s %s%s\n", row.name.c_str(),
                row.speed.tokens_per_second, row.tokens_per_second_min, row.tokens_per_second_max,
                with_share(row.speed.gops, row.limits.int8_gops).c_str(),
                with_share(row.speed.gbytes_per_second, row.limits.read_gbytes_per_second).c_str(),
                row.limits.cores_shared ? "; cores shared" : "");
    if (!row.regions.empty()) print_layers(row);
  }
}

nlohmann::json layers_json(const BenchRow& row) {
  nlohmann::json list = nlohmann::json::array();
  for (const RegionTime& time : row.regions) {
    list.push_back({{"region", time.label.operation},
                    {"count", time.regions},
                    {"seconds", time.seconds},
                    {"waiting_seconds", time.seconds - time.busy_seconds},
                    {"type", time.label.rows != 0 ? dtype_info(time.label.type).name : ""},
                    {"rows", time.label.rows},
                    {"cols", time.label.cols}});
  }
  return list;
}

void print_json(const LoadedModel& loaded, const std::vector<BenchRow>& rows) {
  nlohmann::json list = nlohmann::json::array();
  for (const BenchRow& row : rows) {
    list.push_back({{"name", row.name},
                    {"tokens_per_second", row.speed.tokens_per_second},
                    {"tokens_per_second_min", row.tokens_per_second_min},
                    {"tokens_per_second_max", row.tokens_per_second_max},
                    {"seconds", row.seconds},
                    {"gops", row.speed.gops},
                    {"gops_peak", row.limits.int8_gops},
                    {"gbytes_per_second", row.speed.gbytes_per_second},
                    {"read_bandwidth", row.limits.read_gbytes_per_second},
                    {"cores_shared", row.limits.cores_shared}});
    if (!row.regions.empty()) list.back()["layers"] = layers_json(row);
  }
  const nlohmann::json line = {
      {"device", loaded.device->name()}, {"load_seconds", loaded.load_seconds}, {"rows", list}};
  std::printf("%s\n", line.dump().c_str());
}

void run_bench(BenchFlags& flags) {
  if (flags.load.options.context == 0) flags.load.options.context = bench_context(flags.options);
  const auto loaded = load(flags.load);
  const DeviceOptions& device = flags.load.options.device;
  LimitProbe probe(device.isa, device.threads);
  const std::vector<BenchRow> rows =
      bench({loaded->file, *loaded->model, *loaded->device, *loaded->engine, loaded->load_seconds},
            flags.options, [&] { return probe.measure(); });
  flags.json ? print_json(*loaded, rows) : print_table(*loaded, rows);
}

void add_number(CLI::App& command, const char* name, std::size_t& value, std::size_t max,
                const char* what) {
  command.add_option(name, value, what)
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, max).description(""));
}

}  // namespace

void add_bench(CLI::App& app) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command =
      app.add_subcommand("bench", "Measure a model's speed beside the machine's limits");
  add_load_flags(*command, flags->load);
  BenchOptions& options = flags->options;
  command
      ->add_option("--rows", options.rows,
                   "What to measure: prompt, generation, depth, batched, load; commas between")
      ->type_name("ROW")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->default_str("prompt,generation,load");
  constexpr std::size_t kTokensMax = std::size_t{1} << 20;
  add_number(*command, "--prompt", options.prompt_tokens, kTokensMax, "Tokens of the prompt");
  add_number(*command, "--generate", options.generated_tokens, kTokensMax, "Tokens to generate");
  add_number(*command, "--repetitions", options.repetitions, 100,
             "Runs of each, of which the median counts");
  add_number(*command, "--depth", options.depth, kTokensMax,
             "Tokens before those that the row 'depth' measures, a multiple of 32");
  command
      ->add_option("--sequences", options.sequences,
                   "How many generate together in the row 'batched'; commas between")
      ->type_name("N")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->default_str("4,16")
      ->check(CLI::Range(std::size_t{1}, std::size_t{256}).description(""));
  command->add_flag("--layers", options.layers,
                    "Also print where a step's time goes: each region, its weights, its waiting");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags] { run_bench(*flags); });
}

}  // namespace hearth
