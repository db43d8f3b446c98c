// hearth completions bash|zsh|fish: a completion script for the shell, made from the parser itself.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "command.h"
#include "command_tree.h"

namespace hearth {
namespace {

// In single quotes, for every shell here. A quote inside: 'it'\''s' is understood by all three.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else if (c == '\n') {
      result += ' ';
    } else {
      result += c;
    }
  }
  return result + "'";
}

std::string escaped_colons(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == ':' ? "\\:" : std::string(1, c);
  return result;
}

std::string flag_words(const CommandText& command) {
  std::string words;
  for (const CommandOption& option : command.options) {
    for (const std::string& name : option.short_names) words += "-" + name + " ";
    for (const std::string& name : option.long_names) words += "--" + name + " ";
  }
  return words;
}

std::string command_words(const CommandTree& tree, const char* separator) {
  std::string words;
  for (const CommandText& command : tree.commands) {
    words += (words.empty() ? "" : separator) + command.name;
  }
  return words;
}

// Models are names of the library, or files: where no word fits, the shell completes files.
std::string bash_script(const CommandTree& tree) {
  std::string script =
      "_hearth() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} command= words= i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case ${COMP_WORDS[i]} in\n      " +
      command_words(tree, "|") +
      ") command=${COMP_WORDS[i]}; break ;;\n"
      "    esac\n"
      "  done\n"
      "  case $command in\n";
  for (const CommandText& command : tree.commands) {
    script += "    " + command.name + ") words=" + quoted(flag_words(command)) + " ;;\n";
  }
  script += "    *) words=" + quoted(command_words(tree, " ")) + " ;;\n  esac\n";
  script += "  words+=\" \"" + quoted(flag_words(tree.program)) + "\n";
  return script +
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "}\n"
         "complete -o default -F _hearth hearth\n";
}

std::string zsh_options(const CommandText& command) {
  std::string items;
  for (const CommandOption& option : command.options) {
    const std::string description = ":" + option.description;
    for (const std::string& name : option.short_names)
      items += quoted("-" + name + description) + " ";
    for (const std::string& name : option.long_names)
      items += quoted("--" + name + description) + " ";
  }
  return items;
}

std::string zsh_script(const CommandTree& tree) {
  std::string script = "#compdef hearth\n_hearth() {\n  local -a commands options\n  commands=(\n";
  for (const CommandText& command : tree.commands) {
    script += "    " + quoted(command.name + ":" + escaped_colons(command.description)) + "\n";
  }
  script += "  )\n  options=(" + zsh_options(tree.program) + ")\n  case ${words[2]} in\n";
  for (const CommandText& command : tree.commands) {
    script += "    " + command.name + ") options+=(" + zsh_options(command) + ") ;;\n";
  }
  return script +
         "    *) if [[ $PREFIX != -* ]]; then _describe command commands; return; fi ;;\n"
         "  esac\n"
         "  if [[ $PREFIX == -* ]]; then _describe option options; else _files; fi\n"
         "}\n"
         "_hearth \"$@\"\n";
}

std::string fish_options(const CommandText& command, const std::string& condition) {
  std::string script;
  for (const CommandOption& option : command.options) {
    if (option.is_positional) continue;
    script += "complete -c hearth" + condition;
    for (const std::string& name : option.short_names) script += " -s " + name;
    for (const std::string& name : option.long_names) script += " -l " + name;
    if (!option.value.empty()) script += " -r";
    script += " -d " + quoted(option.description) + "\n";
  }
  return script;
}

std::string fish_script(const CommandTree& tree) {
  std::string script = fish_options(tree.program, "");
  for (const CommandText& command : tree.commands) {
    script += "complete -c hearth -n __fish_use_subcommand -a " + command.name + " -d " +
              quoted(command.description) + "\n";
    script += fish_options(command, " -n '__fish_seen_subcommand_from " + command.name + "'");
  }
  return script;
}

}  // namespace

void add_completions(CLI::App& app) {
  using Writer = std::string (*)(const CommandTree&);
  static const std::map<std::string, Writer> kWriters{
      {"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
  CLI::App* command = app.add_subcommand("completions", "Print the completion script of a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required()->type_name("");
  command->callback([command, shell] {
    const auto writer = kWriters.find(*shell);
    if (writer == kWriters.end()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "no completions for '" + *shell + "': there are bash, zsh and fish");
    }
    std::fputs(writer->second(read_command_tree(*command)).c_str(), stdout);
  });
}

}  // namespace hearth
