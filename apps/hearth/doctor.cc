// hearth doctor: what this machine is, what it can do, and what Hearth would use of it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.h"
#include "eval/speed.h"
#include "kernels/matmul/matmul.h"
#include "library.h"
#include "platform/cpu.h"
#include "platform/memory.h"

namespace hearth {
namespace {

nlohmann::ordered_json examine() {
  const CommandLibrary opened;
  nlohmann::ordered_json report;
  report["version"] = HEARTH_VERSION;
  report["cpu"] = cpu_brand();
  report["usable_cores"] = usable_cores();
  report["memory_available_bytes"] = available_memory_bytes();
  report["library"] = opened.library.home().string();
  report["models"] = opened.library.list().size();
  for (const Isa isa : {Isa::kPortable, Isa::kAvx2, Isa::kAvx2Vnni, Isa::kAvx512Vnni}) {
    report["instruction_sets"][std::string(isa_name(isa))] = isa_supported(isa);
  }
  report["selected"] = isa_name(best_isa());
  for (const DTypeInfo& info : all_dtypes()) {
    report["matmul_kernels"][std::string(info.name)] =
        isa_name(select_matmul(info.type, best_isa()).isa);
  }
  const MachineLimits limits = measure_limits("", 0);
  report["int8_gops_peak"] = limits.int8_gops;
  report["read_gbytes_per_second"] = limits.read_gbytes_per_second;
  return report;
}

void doctor(bool json) {
  const nlohmann::ordered_json report = examine();
  if (json) {
    std::printf("%s\n", report.dump().c_str());
    return;
  }
  for (const auto& [key, value] : report.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    std::printf("%-24s %s\n", key.c_str(), text.c_str());
  }
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("doctor", "Show what this machine can do and what is used of it");
  command->add_flag("--json", *json, "Print one JSON object");
  command->callback([json] { doctor(*json); });
}

}  // namespace hearth
