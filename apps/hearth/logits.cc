// hearth logits MODEL IDS.json --out FILE: the logits of every position, raw, for comparison with
// other software.
#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/interrupt_scope.h"
#include "command.h"
#include "load.h"
#include "platform/file.h"

namespace hearth {
namespace {

struct LogitsFlags {
  LoadFlags load;
  std::string ids;
  std::string out;
};

std::vector<std::vector<TokenId>> read_windows(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error(ErrorCode::kNotFound, "cannot read '" + path + "'");
  const auto json = nlohmann::json::parse(file, nullptr, false);
  try {
    return json.get<std::vector<std::vector<TokenId>>>();
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorCode::kInvalidArgument,
                "'" + path + "' must be a JSON array of arrays of token ids");
  }
}

void logits(const LogitsFlags& flags) {
  const auto windows = read_windows(flags.ids);
  const auto loaded = load(flags.load);
  const InterruptScope scope;
  FileDraft out(flags.out);
  bool cancelled = false;
  for (const auto& window : windows) {
    Request request;
    request.prompt = window;
    request.max_tokens = 0;
    request.reuse_prefix = false;
    request.cancel = &scope.token();
    request.on_logits = [&](std::size_t, std::span<const float> row) {
      out.append(std::as_bytes(row));
    };
    request.on_finish = [&](FinishReason reason) {
      cancelled = reason == FinishReason::kCancelled;
    };
    loaded->engine->submit(std::move(request));
    loaded->engine->run();
    if (cancelled) throw Error(ErrorCode::kCancelled, "stopped; nothing was written");
  }
  out.publish();
}

}  // namespace

void add_logits(CLI::App& app) {
  auto flags = std::make_shared<LogitsFlags>();
  CLI::App* command = app.add_subcommand("logits", "Write the logits of given token ids to a file");
  add_load_flags(*command, flags->load);
  command
      ->add_option("IDS.json", flags->ids, "JSON: an array of windows, each an array of token ids")
      ->required()
      ->type_name("");
  command
      ->add_option("--out", flags->out, "File to write: little-endian f32 [positions, vocabulary]")
      ->required()
      ->type_name("FILE");
  command->add_option("--chunk", flags->load.options.rows_per_step, "Positions computed at once")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{4096}).description(""));
  command->callback([flags] { logits(*flags); });
}

}  // namespace hearth
