// hearth run MODEL [PROMPT]: answers a prompt, or holds a chat in the terminal.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/chat.h"
#include "cli/history_file.h"
#include "cli/model_hint.h"
#include "cli/one_shot.h"
#include "cli/remote_answerer.h"
#include "cli/terminal_reader.h"
#include "command.h"
#include "host/answerer.h"
#include "load.h"
#include "platform/cpu.h"
#include "platform/memory.h"

namespace hearth {
namespace {

struct RunFlags {
  LoadFlags load;
  OneShot shot;
  bool local = false;
  std::vector<std::string> given;  // settings that the command line names
};

void show_hints(const RunFlags& flags, const ModelCard& card, Screen& screen) {
  const std::string no_template = flags.shot.raw ? "" : no_template_hint(card);
  if (!no_template.empty()) screen.note(no_template);
  if (::isatty(STDERR_FILENO) == 0 || flags.shot.json) return;
  const std::string toy =
      toy_hint(card, Catalog::embedded(), {available_memory_bytes(), usable_cores()});
  if (!toy.empty()) screen.note(toy);
}

// Measures the machine with what the model computes with, once.
SpeedHook speed_hook(const LoadedModel& loaded, const DeviceOptions& device) {
  return [cost = token_cost(loaded.file), device,
          limits = std::optional<MachineLimits>()](const Answer& answer) mutable {
    if (!limits) limits = measure_limits(device.isa, device.threads);
    return answer_speed(answer, cost, *limits);
  };
}

// The running server's answerer, where there is a server that has the model and nothing asks for
// what only an engine of this process does; else none.
std::unique_ptr<Answerer> ask_server(const RunFlags& flags, RunningServer& server) {
  const AskOptions& options = flags.shot.settings.options;
  if (flags.local || !takes_any_engine(flags.load) || options.ignore_eos || flags.shot.json) {
    return nullptr;
  }
  if (ModelRef::parse(flags.load.model).kind == ModelRef::Kind::kFile || !server.listens()) {
    return nullptr;
  }
  try {
    return make_remote_answerer(server, flags.load.model);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    return nullptr;  // another library: this one may have it
  }
}

void run(RunFlags flags) {
  const bool typed = ::isatty(STDIN_FILENO) != 0;
  const bool chats = flags.shot.prompt.empty() && typed;
  if (chats && (flags.shot.raw || flags.shot.json)) {
    throw Error(ErrorCode::kInvalidArgument, "--raw and --json need a PROMPT, or text piped in");
  }
  if (!typed) {
    const std::string piped{std::istreambuf_iterator<char>(std::cin), {}};
    flags.shot.prompt = joined_prompt(piped, flags.shot.prompt, flags.shot.raw);
  }
  if (!chats && flags.shot.prompt.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "nothing to answer: give a PROMPT, or pipe text in");
  }
  RunningServer server;
  std::unique_ptr<Answerer> answerer = ask_server(flags, server);
  std::unique_ptr<LoadedModel> loaded;
  if (!answerer) {
    ModelDefaults defaults;
    loaded = load(flags.load, &defaults);
    answerer = make_local_answerer(*loaded, std::move(defaults));
    flags.shot.load_seconds = loaded->load_seconds;
    flags.shot.speed_hook = speed_hook(*loaded, flags.load.options.device);
  }
  follow_parameters(answerer->card().parameters_set, flags.given, flags.shot.settings);
  // Whoever reads the answer may leave before its end; no message then.
  std::signal(SIGPIPE, SIG_DFL);
  Screen screen(std::cout, std::cerr, Screen::style_of_process());
  show_hints(flags, answerer->card(), screen);
  if (!chats) return answer_once(*answerer, screen, flags.shot);
  screen.note("/help lists the commands, /bye leaves");
  TerminalReader reader(HistoryFile::default_path());
  Chat(*answerer, screen,
       {flags.shot.settings, flags.load.model, flags.shot.system, flags.shot.speed_hook})
      .run(reader);
}

void add_settings(CLI::App& command, const std::shared_ptr<RunFlags>& flags) {
  for (const AskSetting& setting : ask_settings()) {
    const std::string name(setting.name);
    const std::string description(setting.description);
    const auto set = [flags, name](const std::string& text) {
      set_by_name(flags->shot.settings, name, text);
      flags->given.push_back(name);
    };
    if (setting.value.empty()) {
      command.add_flag_callback("--" + name, [set] { set("on"); }, description);
      continue;
    }
    command.add_option_function<std::string>("--" + name, set, description)
        ->type_name(std::string(setting.value))
        ->default_str(setting.get(flags->shot.settings));
  }
}

}  // namespace

void add_run(CLI::App& app) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command = app.add_subcommand("run", "Answer a prompt, or chat in the terminal");
  add_load_flags(*command, flags->load);
  command->add_option("PROMPT", flags->shot.prompt, "What to answer; without it, a chat")
      ->type_name("");
  command->add_flag("--raw", flags->shot.raw,
                    "Continue the text as it is, without a chat template");
  command->add_option("--system", flags->shot.system, "The system message")->type_name("TEXT");
  command
      ->add_option("--stop", flags->shot.settings.options.stop, "End the answer before this text")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  add_settings(*command, flags);
  command->add_flag("--local", flags->local, "Compute in this process, though a server is running");
  command->add_flag("--json", flags->shot.json, "Print one JSON object");
  command->callback([flags] { run(*flags); });
}

}  // namespace hearth
