// hearth list: the models on this machine, or with --catalog those that have a short name.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "command.h"
#include "library.h"
#include "store/download.h"
#include "table.h"

namespace hearth {
namespace {

struct ListFlags {
  bool catalog = false;
  bool json = false;
};

void print_json(const nlohmann::json& models) {
  const nlohmann::json object = {{"models", models}};
  std::printf("%s\n",
              object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

void list_library(const Library& library, bool json) {
  nlohmann::json models = nlohmann::json::array();
  std::vector<TableRow> rows = {{"NAME", "ID", "SIZE", "MODIFIED", "SOURCE"}};
  for (const Manifest& manifest : library.list()) {
    const std::string& digest = manifest.model_digest().hex();
    models.push_back({{"name", manifest.reference},
                      {"sha256", digest},
                      {"bytes", manifest.total_bytes()},
                      {"modified", manifest.created_unix_s},
                      {"licence", manifest.licence},
                      {"source", manifest.source}});
    rows.push_back({manifest.reference, digest.substr(0, 12), format_bytes(manifest.total_bytes()),
                    local_time(manifest.created_unix_s), manifest.source});
  }
  if (json) return print_json(models);
  if (rows.size() > 1) return print_table(rows);
  std::fprintf(stderr, "no models yet: 'hearth pull smollm2' gets a small one\n");
}

void list_catalog(const Library& library, bool json) {
  nlohmann::json models = nlohmann::json::array();
  std::vector<TableRow> rows = {{"NAME", "SIZE", "MEMORY", "LICENCE", "WHAT", "HERE"}};
  for (const CatalogModel& model : library.catalog().models()) {
    const bool here = library.contains(ModelRef::parse(model.reference()));
    models.push_back({{"name", model.reference()},
                      {"title", model.title},
                      {"bytes", model.bytes},
                      {"memory_bytes", model.memory_bytes},
                      {"licence", model.licence},
                      {"runs", model.runs},
                      {"here", here}});
    rows.push_back({model.reference(), format_bytes(model.bytes), format_bytes(model.memory_bytes),
                    model.licence, model.title + (model.runs ? "" : " (cannot run yet)"),
                    here ? "yes" : ""});
  }
  if (json) return print_json(models);
  print_table(rows);
}

}  // namespace

void add_list(CLI::App& app) {
  auto flags = std::make_shared<ListFlags>();
  CLI::App* command = app.add_subcommand("list", "List the models on this machine");
  command->add_flag("--catalog", flags->catalog, "List the models that have a short name instead");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags] {
    const CommandLibrary opened;
    (flags->catalog ? list_catalog : list_library)(opened.library, flags->json);
  });
}

}  // namespace hearth
