// hearth push MODEL: sends a model to the registry of its name.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/interrupt_scope.h"
#include "cli/progress_line.h"
#include "command.h"
#include "library.h"

namespace hearth {
namespace {

struct PushFlags {
  std::string model;
  bool json = false;
};

void push(const PushFlags& flags) {
  CommandLibrary opened;
  ProgressLine line(flags.json ? ProgressLine::Style::kJson : ProgressLine::style_for_stderr());
  const InterruptScope interrupts({SIGINT, SIGTERM});
  PullOptions options;
  options.cancel = &interrupts.token();
  options.observer = [&](const PullProgress& progress) { line.show(progress); };
  const ModelRef ref = ModelRef::parse(flags.model);
  opened.library.push(ref, options);
  line.finish();
  if (flags.json) {
    std::printf("%s\n", nlohmann::json{{"status", "success"}, {"model", ref.text}}.dump().c_str());
  } else {
    std::fprintf(stderr, "%s was sent\n", ref.text.c_str());
  }
}

}  // namespace

void add_push(CLI::App& app) {
  auto flags = std::make_shared<PushFlags>();
  CLI::App* command = app.add_subcommand("push", "Send a model to the registry of its name");
  command
      ->add_option("MODEL", flags->model,
                   "ollama.com/USER/NAME[:tag]; 'hearth cp' gives a model such a name")
      ->required()
      ->type_name("");
  command->add_flag("--json", flags->json, "Print progress and result as one JSON object per line");
  command->callback([flags] { push(*flags); });
}

}  // namespace hearth
