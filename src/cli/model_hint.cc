#include "cli/model_hint.h"

#include "format/printable.h"
#include "store/download.h"

namespace hearth {
namespace {

// A core reads 10 to 20 GB/s, and a token needs the file once: of 1 GB for each core, an answer
// comes at 10 tokens a second or more, faster than it is read.
constexpr std::uint64_t kFileBytesPerCore = 1'000'000'000;

bool is_chat_model(const CatalogModel& model) {
  return model.runs && model.title.find("Instruct") != std::string::npos;
}

}  // namespace

const CatalogModel* largest_model_for(const Catalog& catalog, const Machine& machine,
                                      std::uint64_t bytes_min) {
  const CatalogModel* best = nullptr;
  for (const CatalogModel& model : catalog.models()) {
    if (!is_chat_model(model) || model.memory_bytes > machine.memory_bytes / 2) continue;
    if (model.bytes > machine.cores * kFileBytesPerCore) continue;
    if (model.bytes > (best == nullptr ? bytes_min : best->bytes)) best = &model;
  }
  return best;
}

std::string toy_hint(const ModelCard& card, const Catalog& catalog, const Machine& machine) {
  if (card.parameters == 0 || card.parameters >= kToyParametersMax) return {};
  std::string hint = printable(card.name, 60) + " has " +
                     std::to_string(card.parameters / 1'000'000) +
                     " M parameters: a toy, quick and mostly wrong.";
  if (const CatalogModel* better = largest_model_for(catalog, machine, card.file_bytes)) {
    hint += " This machine can run 'hearth run " + better->reference() + "' (" +
            format_bytes(better->bytes) + ").";
  }
  return hint;
}

std::string no_template_hint(const ModelCard& card) {
  if (card.has_template) return {};
  return printable(card.name, 60) +
         " has no chat template: it runs as plain completion, and goes on where your text ends.";
}

}  // namespace hearth
