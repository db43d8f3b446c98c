// hearth: parses the command line, runs one command, turns an Error into one line and an exit code.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "command.h"

namespace {

int report(const hearth::Error& error) {
  const std::string detail = error.detail().empty() ? "" : " (" + error.detail() + ")";
  std::fprintf(stderr, "hearth: %s%s\n", error.message().c_str(), detail.c_str());
  return hearth::exit_code(error.code());
}

int run(int argc, char** argv) {
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
  } catch (const CLI::ParseError& parse_error) {
    const int code = app.exit(parse_error);
    return code == 0 ? 0 : hearth::exit_code(hearth::ErrorCode::kInvalidArgument);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const hearth::Error& error) {
    return report(error);
  } catch (const std::bad_alloc&) {
    return report({hearth::ErrorCode::kResourceExhausted, "out of memory"});
  } catch (const std::exception& other) {
    return report({hearth::ErrorCode::kInternal, "internal error", other.what()});
  }
}
