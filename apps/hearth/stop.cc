// hearth stop MODEL: the running server lets go of a model as soon as nobody uses it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/running_server.h"
#include "command.h"

namespace hearth {

void add_stop(CLI::App& app) {
  auto model = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("stop", "Have the running server unload a model");
  command->add_option("MODEL", *model, "A model that 'hearth ps' lists")->required()->type_name("");
  command->footer(
      "Examples:\n"
      "  hearth stop smollm2\n"
      "  HEARTH_SERVER=192.0.2.7:11435 HEARTH_API_KEY=… hearth stop gemma3:270m");
  command->callback([model] {
    RunningServer server;
    server.post("/api/generate", {{"model", *model}, {"keep_alive", 0}, {"stream", false}});
    std::fprintf(stderr, "%s leaves as soon as nobody uses it\n", model->c_str());
  });
}

}  // namespace hearth
