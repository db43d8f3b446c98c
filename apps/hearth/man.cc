// hearth man: the manual page in troff, made from the parser itself (hearth man | man -l -).
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <string>

#include "base/error.h"
#include "command.h"
#include "command_tree.h"

namespace hearth {
namespace {

// A dash that is typed, a backslash, and a line that starts with a dot are troff's own.
std::string troff(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '-' || c == '\\') {
      result += c == '-' ? "\\-" : "\\e";
    } else {
      if ((c == '.' || c == '\'') && (result.empty() || result.back() == '\n')) result += "\\&";
      result += c;
    }
  }
  return result;
}

std::string options_page(const CommandText& command) {
  std::string page;
  for (const CommandOption& option : command.options) {
    page += ".TP\n.B " + troff(option_synopsis(option)) + "\n" + troff(option.description) + "\n";
  }
  return page;
}

std::string command_page(const CommandText& command) {
  std::string synopsis = "hearth " + command.name;
  for (const CommandOption& option : command.options) {
    if (option.is_positional) synopsis += " " + option.value;
  }
  return ".SS " + troff(synopsis) + "\n" + troff(command.description) + "\n" +
         options_page(command);
}

std::string exit_codes_page() {
  constexpr std::array kCodes{ErrorCode::kInternal,         ErrorCode::kInvalidArgument,
                              ErrorCode::kNotFound,         ErrorCode::kCorruptData,
                              ErrorCode::kUnsupported,      ErrorCode::kResourceExhausted,
                              ErrorCode::kPermissionDenied, ErrorCode::kUnavailable,
                              ErrorCode::kDeadlineExceeded, ErrorCode::kCancelled};
  std::string page = ".TP\n.B 0\nit worked\n";
  for (const ErrorCode code : kCodes) {
    page +=
        ".TP\n.B " + std::to_string(exit_code(code)) + "\n" + std::string(to_string(code)) + "\n";
  }
  return page;
}

std::string manual_page(const CommandTree& tree) {
  std::string page = ".TH HEARTH 1 \"\" \"hearth " HEARTH_VERSION "\" \"User Commands\"\n";
  page += ".SH NAME\nhearth \\- run language models on machines you own\n";
  page += ".SH SYNOPSIS\n.B hearth\n.I COMMAND\n[options]\n";
  page += ".SH DESCRIPTION\n" + troff(tree.program.description) + "\n";
  page += ".SH OPTIONS\n" + options_page(tree.program) + ".SH COMMANDS\n";
  for (const CommandText& command : tree.commands) page += command_page(command);
  page += ".SH ENVIRONMENT\n";
  page += ".TP\n.B HEARTH_HOME\nwhere models are kept\n";
  page += ".TP\n.B HEARTH_ISA\nthe instruction set to compute with, in place of the best one\n";
  page += ".TP\n.B HEARTH_LOG\nerror, warn, info or debug\n";
  page += ".TP\n.B HF_ENDPOINT, HF_TOKEN\nanother address for hf.co, and the token for it\n";
  page += ".TP\n.B HEARTH_REGISTRY_ENDPOINT\nanother address for ollama.com/library\n";
  page += ".TP\n.B HEARTH_PYTHON\nthe Python whose pip fetches wheels\n";
  page += ".TP\n.B NO_COLOR\nno colours in the terminal\n";
  return page + ".SH EXIT STATUS\n" + exit_codes_page();
}

}  // namespace

void add_man(CLI::App& app) {
  CLI::App* command = app.add_subcommand("man", "Print the manual page, for man -l -");
  command->callback(
      [command] { std::fputs(manual_page(read_command_tree(*command)).c_str(), stdout); });
}

}  // namespace hearth
