// The program's commands and options as plain text, read back from the parser: what the man page
// and the completions are made of, so that neither can miss a flag. A snapshot; owns its strings.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace hearth {

struct CommandOption {
  std::vector<std::string> long_names;   // without dashes
  std::vector<std::string> short_names;  // one letter each
  std::string value;                     // what it takes ("N", "FILE"); empty for a flag
  std::string description;
  bool is_positional;
};

struct CommandText {
  std::string name;
  std::string description;
  std::vector<CommandOption> options;  // a command's --help is the program's
};

struct CommandTree {
  CommandText program;                // the name and the options that every command takes
  std::vector<CommandText> commands;  // in the order of --help, hidden ones left out
};

// `app` is the program itself, or any of its commands.
CommandTree read_command_tree(const CLI::App& app);

// The option as a person types it: "-v, --verbose", "--ctx N", "MODEL".
std::string option_synopsis(const CommandOption& option);

}  // namespace hearth
