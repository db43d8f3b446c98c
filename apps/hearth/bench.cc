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

void print_table(const LoadedModel& loaded, const MachineLimits& limits,
                 const std::vector<BenchRow>& rows) {
  std::printf("%.*s; limits now: %.0f Gop/s int8, %.1f GB/s read; loaded in %.2f s\n",
              static_cast<int>(loaded.device->name().size()), loaded.device->name().data(),
              limits.int8_gops, limits.read_gbytes_per_second, loaded.load_seconds);
  std::printf("%-8s %12s %21s %12s %12s\n", "test", "tokens/s", "min … max", "Gop/s", "GB/s");
  for (const BenchRow& row : rows) {
    std::printf("%-8s %12.1f %10.1f … %8.1f %6.0f (%2.0f%%) %6.1f (%2.0f%%)\n", row.name.c_str(),
                row.speed.tokens_per_second, row.tokens_per_second_min, row.tokens_per_second_max,
                row.speed.gops, 100 * share_of(row.speed.gops, limits.int8_gops),
                row.speed.gbytes_per_second,
                100 * share_of(row.speed.gbytes_per_second, limits.read_gbytes_per_second));
  }
}

void print_json(const LoadedModel& loaded, const MachineLimits& limits,
                const std::vector<BenchRow>& rows) {
  nlohmann::json list = nlohmann::json::array();
  for (const BenchRow& row : rows) {
    list.push_back({{"name", row.name},
                    {"tokens_per_second", row.speed.tokens_per_second},
                    {"tokens_per_second_min", row.tokens_per_second_min},
                    {"tokens_per_second_max", row.tokens_per_second_max},
                    {"gops", row.speed.gops},
                    {"gops_peak", limits.int8_gops},
                    {"gbytes_per_second", row.speed.gbytes_per_second},
                    {"read_bandwidth", limits.read_gbytes_per_second}});
  }
  const nlohmann::json line = {
      {"device", loaded.device->name()}, {"load_seconds", loaded.load_seconds}, {"rows", list}};
  std::printf("%s\n", line.dump().c_str());
}

void run_bench(const BenchFlags& flags) {
  const auto loaded = load(flags.load);
  const DeviceOptions& device = flags.load.options.device;
  const MachineLimits limits = measure_limits(device.isa, device.threads);
  const std::vector<BenchRow> rows =
      bench({loaded->file, *loaded->model, *loaded->engine}, flags.options);
  flags.json ? print_json(*loaded, limits, rows) : print_table(*loaded, limits, rows);
}

}  // namespace

void add_bench(CLI::App& app) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command =
      app.add_subcommand("bench", "Measure a model's speed beside the machine's limits");
  add_load_flags(*command, flags->load);
  command->add_option("--prompt", flags->options.prompt_tokens, "Tokens of the prompt")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 20).description(""));
  command->add_option("--generate", flags->options.generated_tokens, "Tokens to generate")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 20).description(""));
  command
      ->add_option("--repetitions", flags->options.repetitions,
                   "Runs of each, of which the median counts")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{100}).description(""));
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags] { run_bench(*flags); });
}

}  // namespace hearth
