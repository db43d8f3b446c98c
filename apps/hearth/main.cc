// hearth: parses the command line, runs one command, turns an Error into one line and an exit code.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cli/chat_input.h"
#include "cli/error_line.h"
#include "command.h"
#include "format/printable.h"

namespace {

// A message may quote a file, a template or a server: none of them steers the terminal.
int report(const hearth::Error& error) {
  constexpr std::size_t kMessageBytesMax = 4096;
  const std::string line = "hearth: " + hearth::error_line(error);
  std::fprintf(stderr, "%s\n", hearth::printable(line, kMessageBytesMax).c_str());
  return hearth::exit_code(error.code());
}

// What CLI11 found wrong, in the words of the other errors.
[[noreturn]] void refuse(const CLI::App& app, const CLI::ParseError& error, std::string_view word) {
  const bool has_command = !app.get_subcommands().empty();
  std::string message = error.what();
  if (!has_command && !word.empty() && !word.starts_with('-')) {
    std::vector<std::string> commands;
    for (const CLI::App* command : app.get_subcommands({})) commands.push_back(command->get_name());
    const std::vector<std::string_view> words(commands.begin(), commands.end());
    const std::string_view nearest = hearth::nearest_word(word, words);
    message = "there is no command " + hearth::printable_quoted(word);
    if (!nearest.empty()) message += "; did you mean '" + std::string(nearest) + "'?";
  }
  const std::string command =
      has_command ? " " + app.get_subcommands().front()->get_name() : std::string();
  throw hearth::Error(hearth::ErrorCode::kInvalidArgument,
                      message + " ('hearth" + command + " --help' shows what there is)");
}

// What printf could not write must not look like success: a full disk shows only here.
void check_output() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  throw hearth::Error(hearth::ErrorCode::kUnavailable,
                      "cannot write the output whole: is the disk full?");
}

void set_log_level() {
  const char* name = std::getenv("HEARTH_LOG");
  if (name == nullptr || *name == '\0') return;
  const auto level = hearth::log_level_from_name(name);
  if (!level) {
    throw hearth::Error(
        hearth::ErrorCode::kInvalidArgument,
        "HEARTH_LOG is " + hearth::printable_quoted(name) + "; wanted error, warn, info or debug");
  }
  hearth::set_log_level(*level);
}

void run(int argc, char** argv) {
  set_log_level();
  CLI::App app{"Hearth runs language models on machines you own."};
  app.name("hearth");
  app.set_version_flag("--version", "hearth " HEARTH_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer("Start here:  hearth run smollm2 \"Why is the sky blue?\"");
#define COMMAND(name) hearth::add_##name(app);
#include "commands.inc"
#undef COMMAND
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& shown) {  // --help, --version
    app.exit(shown);
  } catch (const CLI::ParseError& error) {
    refuse(app, error, argc > 1 ? argv[1] : "");
  }
  check_output();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
    return 0;
  } catch (const hearth::Error& error) {
    return report(error);
  } catch (const std::bad_alloc&) {
    return report({hearth::ErrorCode::kResourceExhausted, "out of memory"});
  } catch (const std::exception& other) {
    return report({hearth::ErrorCode::kInternal, "internal error", other.what()});
  }
}
