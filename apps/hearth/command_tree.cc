#include "command_tree.h"

#include <CLI/CLI.hpp>

namespace hearth {
namespace {

CommandOption read_option(const CLI::Option& option) {
  CommandOption text;
  text.long_names = option.get_lnames();
  text.short_names = option.get_snames();
  text.is_positional = text.long_names.empty() && text.short_names.empty();
  if (text.is_positional) {
    text.value = option.get_name(true);
  } else if (option.get_items_expected_max() > 0) {
    text.value = option.get_type_name().empty() ? "VALUE" : option.get_type_name();
  }
  text.description = option.get_description();
  return text;
}

CommandText read_command(const CLI::App& app) {
  CommandText text{app.get_name(), app.get_description(), {}};
  for (const CLI::Option* option : app.get_options()) {
    const bool is_help = option->get_name() == "--help" && app.get_parent() != nullptr;
    if (!option->get_group().empty() && !is_help) text.options.push_back(read_option(*option));
  }
  return text;
}

}  // namespace

CommandTree read_command_tree(const CLI::App& app) {
  const CLI::App* program = &app;
  while (program->get_parent() != nullptr) program = program->get_parent();
  CommandTree tree{read_command(*program), {}};
  const auto is_shown = [](const CLI::App* command) { return !command->get_group().empty(); };
  for (const CLI::App* command : program->get_subcommands(is_shown)) {
    tree.commands.push_back(read_command(*command));
  }
  return tree;
}

std::string option_synopsis(const CommandOption& option) {
  if (option.is_positional) return option.value;
  std::string text;
  for (const std::string& name : option.short_names) text += (text.empty() ? "-" : ", -") + name;
  for (const std::string& name : option.long_names) text += (text.empty() ? "--" : ", --") + name;
  return option.value.empty() ? text : text + " " + option.value;
}

}  // namespace hearth
