// hearth ps: the models that the running server has in memory.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/running_server.h"
#include "command.h"
#include "format/printable.h"
#include "store/download.h"
#include "table.h"

namespace hearth {
namespace {

std::string text_of(const nlohmann::json& model, const char* name) {
  const auto found = model.find(name);
  return found != model.end() && found->is_string() ? printable(found->get<std::string>(), 100)
                                                    : "";
}

// "2026-11-23T22:49:12.123Z" to the second.
std::string until_text(const std::string& time) { return time.substr(0, 19); }

void ps(bool json) {
  RunningServer server;
  const nlohmann::json reply = server.get("/api/ps");
  if (json) {
    std::printf("%s\n", reply.dump().c_str());
    return;
  }
  std::vector<TableRow> rows = {{"NAME", "ID", "MEMORY", "CONTEXT", "UNTIL (UTC)"}};
  for (const nlohmann::json& model : reply.value("models", nlohmann::json::array())) {
    rows.push_back({text_of(model, "name"), text_of(model, "digest").substr(0, 12),
                    format_bytes(model.value("size", std::uint64_t{0})),
                    std::to_string(model.value("context_length", std::uint64_t{0})),
                    until_text(text_of(model, "expires_at"))});
  }
  if (rows.size() == 1) {
    std::fprintf(stderr, "no model is in memory\n");
    return;
  }
  print_table(rows);
}

}  // namespace

void add_ps(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("ps", "List the models that the running server has loaded");
  command->add_flag("--json", *json, "Print one JSON object");
  command->footer(
      "Examples:\n"
      "  hearth ps\n"
      "  HEARTH_SERVER=192.0.2.7:11435 hearth ps --json");
  command->callback([json] { ps(*json); });
}

}  // namespace hearth
