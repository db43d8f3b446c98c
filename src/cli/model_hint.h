// What a person should know about a model before talking to it. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "host/answerer.h"
#include "store/catalog.h"

namespace hearth {

// Below this many parameters a model is a toy: fluent, and mostly wrong.
inline constexpr std::uint64_t kToyParametersMax = 500'000'000;

struct Machine {
  std::uint64_t memory_bytes = 0;  // available
  std::size_t cores = 1;
};

// The catalog's largest chat model that half of the memory holds (the other half stays for the rest
// of the machine) and that the cores answer with at reading speed; nullptr when none is larger than
// `bytes_min`.
const CatalogModel* largest_model_for(const Catalog& catalog, const Machine& machine,
                                      std::uint64_t bytes_min);

// One line, or empty when there is nothing to say.
std::string toy_hint(const ModelCard& card, const Catalog& catalog, const Machine& machine);
std::string no_template_hint(const ModelCard& card);

}  // namespace hearth
