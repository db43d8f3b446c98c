// The commands of the program: one file each (run.cc, pull.cc, …), flags in, library call out.
// A file defines `void add_<name>(CLI::App& app)`, which adds a subcommand whose callback does the
// work and throws hearth::Error when it cannot; main.cc prints it and exits with its code.
// commands.inc lists them.
#pragma once

#include <filesystem>
#include <string>

namespace CLI {
class App;
}

namespace hearth {

#define COMMAND(name) void add_##name(CLI::App& app);
#include "commands.inc"
#undef COMMAND

}  // namespace hearth
