// hearth cp MODEL NAME: a further name for a model; a GGUF file is copied into the library.
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

struct CpFlags {
  std::string from;
  std::string to;
  bool json = false;
};

void cp(const CpFlags& flags) {
  CommandLibrary opened;
  ProgressLine line(flags.json ? ProgressLine::Style::kSilent : ProgressLine::style_for_stderr());
  const InterruptScope interrupts({SIGINT, SIGTERM});
  PullOptions options;
  options.cancel = &interrupts.token();
  options.observer = [&](const PullProgress& progress) { line.show(progress); };
  const Manifest manifest =
      opened.library.copy(ModelRef::parse(flags.from), ModelRef::parse(flags.to), options);
  line.finish();
  if (flags.json) {
    const Digest& digest = manifest.model_digest();
    const nlohmann::json object = {{"model", manifest.reference},
                                   {"source", manifest.source},
                                   {"sha256", digest.hex()},
                                   {"bytes", manifest.total_bytes()}};
    std::printf("%s\n",
                object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::fprintf(stderr, "%s is here\n", manifest.reference.c_str());
  }
}

}  // namespace

void add_cp(CLI::App& app) {
  auto flags = std::make_shared<CpFlags>();
  CLI::App* command =
      app.add_subcommand("cp", "Give a model, or a GGUF file, a name in the library");
  command->add_option("MODEL", flags->from, "A model of the library, or a GGUF file")
      ->required()
      ->type_name("");
  command->add_option("NAME", flags->to, "The further name")->required()->type_name("");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags] { cp(*flags); });
}

}  // namespace hearth
