// hearth perplexity MODEL FILE: how well a model predicts a text.
#include "eval/perplexity.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/progress_line.h"
#include "command.h"
#include "load.h"

namespace hearth {
namespace {

struct PerplexityFlags {
  LoadFlags load;
  std::string file;
  std::size_t window = 512;
  std::size_t tokens = SIZE_MAX;
  bool json = false;
};

void run_perplexity(const PerplexityFlags& flags) {
  std::ifstream file(flags.file, std::ios::binary);
  if (!file) throw Error(ErrorCode::kNotFound, "cannot read '" + flags.file + "'");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  LoadFlags load_flags = flags.load;
  load_flags.options.context = flags.window;
  const auto loaded = load(load_flags);
  std::vector<TokenId> tokens =
      loaded->tokenizer->encode(text, {.add_special = true, .parse_special = false});
  tokens.resize(std::min(tokens.size(), flags.tokens));
  const bool draws = !flags.json && ProgressLine::style_for_stderr() == ProgressLine::Style::kBar;
  const Perplexity result =
      perplexity(*loaded->engine, tokens, flags.window, [&](std::size_t done, std::size_t all) {
        if (draws) {
          std::fprintf(stderr, "\rwindow %zu of %zu%s", done, all, done == all ? "\r\033[K" : "");
        }
      });
  if (flags.json) {
    const nlohmann::json line = {{"tokens", result.tokens},
                                 {"nll_mean", result.nll_mean},
                                 {"nll_standard_error", result.nll_error},
                                 {"perplexity", result.perplexity},
                                 {"perplexity_standard_error", result.perplexity_error}};
    std::printf("%s\n", line.dump().c_str());
  } else {
    std::printf("perplexity %.4f ± %.4f over %zu tokens\n", result.perplexity,
                result.perplexity_error, result.tokens);
  }
}

}  // namespace

void add_perplexity(CLI::App& app) {
  auto flags = std::make_shared<PerplexityFlags>();
  CLI::App* command = app.add_subcommand("perplexity", "Measure how well a model predicts a text");
  add_load_flags(*command, flags->load);
  command->remove_option(command->get_option("--ctx"));
  command->add_option("FILE", flags->file, "The text")->required()->type_name("");
  command->add_option("--ctx", flags->window, "Tokens of a window, each read from an empty context")
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--tokens", flags->tokens, "Read only so many tokens of the text")
      ->type_name("N");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags] { run_perplexity(*flags); });
}

}  // namespace hearth
