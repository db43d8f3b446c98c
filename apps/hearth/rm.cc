// hearth rm MODEL…: removes models and the files that no other model uses.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "command.h"
#include "library.h"
#include "store/download.h"

namespace hearth {
namespace {

struct RmFlags {
  std::vector<std::string> models;
  bool json = false;
};

void rm(const RmFlags& flags) {
  CommandLibrary opened;
  nlohmann::json removed = nlohmann::json::array();
  for (const std::string& model : flags.models) {
    const ModelRef ref = opened.library.canonical(ModelRef::parse(model));
    const std::uint64_t bytes_freed = opened.library.remove(ref);
    removed.push_back({{"model", ref.text}, {"bytes_freed", bytes_freed}});
    if (!flags.json) {
      std::fprintf(stderr, "removed %s, %s freed\n", ref.text.c_str(),
                   format_bytes(bytes_freed).c_str());
    }
  }
  if (flags.json) std::printf("%s\n", nlohmann::json{{"removed", removed}}.dump().c_str());
}

}  // namespace

void add_rm(CLI::App& app) {
  auto flags = std::make_shared<RmFlags>();
  CLI::App* command = app.add_subcommand("rm", "Remove models from the library");
  command->add_option("MODEL", flags->models, "Models to remove")->required()->type_name("");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags] { rm(*flags); });
}

}  // namespace hearth
