// hearth doctor: what this machine is, what it can do, and what Hearth would use of it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.h"
#include "eval/speed.h"
#include "kernels/matmul/matmul.h"
#include "library.h"
#include "load.h"
#include "platform/cpu.h"
#include "platform/memory.h"

namespace hearth {
namespace {

nlohmann::ordered_json examine(const DeviceOptions& options) {
  const CommandLibrary opened;
  nlohmann::ordered_json report;
  report["version"] = HEARTH_VERSION;
  report["cpu"] = cpu_brand();
  report["usable_cores"] = usable_cores();
  report["memory_available_bytes"] = available_memory_bytes();
  report["library"] = opened.library.home().string();
  report["models"] = opened.library.list().size();
  for (const Isa isa :
       {Isa::kPortable, Isa::kAvx2, Isa::kAvx2Vnni, Isa::kAvx512Vnni, Isa::kAvx512Bf16}) {
    report["instruction_sets"][std::string(isa_name(isa))] = isa_supported(isa);
  }
  report["selected"] = make_device(options)->name();
  const Isa isa = isa_from_name(options.isa).value_or(best_isa());
  for (const DTypeInfo& info : all_dtypes()) {
    if (options.isa == "reference") break;  // it decodes, and needs no kernels
    report["matmul_kernels"][std::string(info.name)] = isa_name(select_matmul(info.type, isa).isa);
  }
  const MachineLimits limits = measure_limits(options.isa, options.threads);
  report["int8_gops_peak"] = limits.int8_gops;
  report["read_gbytes_per_second"] = limits.read_gbytes_per_second;
  return report;
}

struct DoctorFlags {
  DeviceOptions device;
  bool json = false;
};

void doctor(const DoctorFlags& flags) {
  const nlohmann::ordered_json report = examine(flags.device);
  if (flags.json) {
    std::printf("%s\n", report.dump().c_str());
    return;
  }
  const auto print = [](const std::string& key, const nlohmann::ordered_json& value) {
    const std::string text = value.is_string()    ? value.get<std::string>()
                             : value.is_boolean() ? (value.get<bool>() ? "yes" : "no")
                                                  : value.dump();
    std::printf("%-24s %s\n", key.c_str(), text.c_str());
  };
  for (const auto& [key, value] : report.items()) {
    print(key, value.is_object() ? "" : value);
    if (!value.is_object()) continue;
    for (const auto& [name, part] : value.items()) print("  " + name, part);
  }
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto flags = std::make_shared<DoctorFlags>();
  CLI::App* command =
      app.add_subcommand("doctor", "Show what this machine can do and what is used of it");
  add_device_flags(*command, flags->device);
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags] { doctor(*flags); });
}

}  // namespace hearth
