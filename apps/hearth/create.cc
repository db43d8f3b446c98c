// hearth create NAME: makes a model by a Modelfile: of another one, or of a GGUF file.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "cli/interrupt_scope.h"
#include "cli/progress_line.h"
#include "command.h"
#include "host/model_defaults.h"
#include "library.h"
#include "load.h"
#include "platform/file.h"
#include "store/download.h"

namespace hearth {
namespace {

struct CreateFlags {
  std::string name;
  std::string file = "Modelfile";
  bool json = false;
};

Modelfile read_modelfile(const std::string& file) {
  const auto text = read_small_file(file, kModelfileBytesMax);
  if (!text) {
    throw Error(ErrorCode::kNotFound,
                "there is no file '" + file + "': -f names the Modelfile to follow");
  }
  return parse_modelfile(*text);
}

// A file's path is meant from where the Modelfile is. What is no file is fetched if need be.
ModelRef base_model(const CreateFlags& flags, const Modelfile& recipe) {
  const ModelRef ref = ModelRef::parse(recipe.from);
  if (ref.kind != ModelRef::Kind::kFile) {
    return ModelRef::parse(resolve_model(recipe.from).reference);
  }
  const bool relative = !recipe.from.starts_with('~') && !recipe.from.starts_with('/');
  if (!relative) return ref;
  const auto directory = std::filesystem::absolute(flags.file).parent_path();
  return ModelRef::parse((directory / recipe.from).lexically_normal().string());
}

void print_result(const CreateFlags& flags, const Manifest& made, const Modelfile& recipe) {
  const std::vector<std::string> ignored = recipe.without_effect();
  if (flags.json) {
    const nlohmann::json object = {{"model", made.reference},
                                   {"source", made.source},
                                   {"sha256", made.model_digest().hex()},
                                   {"bytes", made.total_bytes()},
                                   {"without_effect", ignored}};
    std::printf("%s\n",
                object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return;
  }
  for (const std::string& name : ignored) {
    std::fprintf(stderr, "the parameter %s changes nothing here\n", name.c_str());
  }
  std::fprintf(stderr, "%s is here (%s), made from %s\n", made.reference.c_str(),
               format_bytes(made.total_bytes()).c_str(), made.source.c_str());
}

void create(const CreateFlags& flags) {
  const Modelfile recipe = read_modelfile(flags.file);
  check_recipe(recipe);
  CommandLibrary opened;
  const NewModel model{.from = base_model(flags, recipe), .blobs = {}, .recipe = recipe};
  ProgressLine line(flags.json ? ProgressLine::Style::kSilent : ProgressLine::style_for_stderr());
  const InterruptScope interrupts({SIGINT, SIGTERM});
  PullOptions options;
  options.cancel = &interrupts.token();
  options.observer = [&](const PullProgress& progress) { line.show(progress); };
  const Manifest made = opened.library.create(ModelRef::parse(flags.name), model, options);
  line.finish();
  print_result(flags, made, recipe);
}

}  // namespace

void add_create(CLI::App& app) {
  auto flags = std::make_shared<CreateFlags>();
  CLI::App* command = app.add_subcommand("create", "Make a model by a Modelfile");
  command->add_option("NAME", flags->name, "The name of what is made")->required()->type_name("");
  command->add_option("-f,--file", flags->file, "What to follow")
      ->type_name("FILE")
      ->capture_default_str();
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->footer(
      "Example, a Modelfile and its use:\n"
      "  FROM smollm2\n"
      "  SYSTEM Answer in one sentence.\n"
      "  PARAMETER temperature 0.2\n"
      "\n"
      "  hearth create brief -f Modelfile && hearth run brief \"Why is the sky blue?\"");
  command->callback([flags] { create(*flags); });
}

}  // namespace hearth
