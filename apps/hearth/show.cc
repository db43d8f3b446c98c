// hearth show MODEL: what a model is, from its file's own metadata.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/model_report.h"
#include "command.h"
#include "library.h"

namespace hearth {
namespace {

struct ShowFlags {
  std::string model;
  bool tensors = false;
  bool modelfile = false;
  bool json = false;
};

void show(const ShowFlags& flags) {
  const CommandLibrary opened;
  const ResolvedModel model = opened.library.resolve(ModelRef::parse(flags.model));
  const ModelReport report = report_on(opened.library, model);
  if (flags.modelfile) {
    std::fputs(to_text(report.recipe).c_str(), stdout);
  } else if (flags.json) {
    std::printf("%s\n", to_json(report).c_str());
  } else {
    std::fputs(to_text(report, flags.tensors).c_str(), stdout);
  }
}

}  // namespace

void add_show(CLI::App& app) {
  auto flags = std::make_shared<ShowFlags>();
  CLI::App* command = app.add_subcommand("show", "Show what a model is");
  command->add_option("MODEL", flags->model, "A model of the library, or a GGUF file")
      ->required()
      ->type_name("");
  command->add_flag("--tensors", flags->tensors, "List the tensors too");
  CLI::Option* modelfile =
      command->add_flag("--modelfile", flags->modelfile, "Print it as a Modelfile");
  command
      ->add_flag("--json", flags->json,
                 "Print one JSON object: metadata, tensors, template, licence")
      ->excludes(modelfile);
  command->callback([flags] { show(*flags); });
}

}  // namespace hearth
