// The flags of every command that loads a model, and the loading.
#pragma once

#include <memory>
#include <string>

#include "host/loaded_model.h"

namespace CLI {
class App;
}

namespace hearth {

struct LoadFlags {
  std::string model;
  LoadOptions options;
  std::string kv = "f16";
};

// MODEL, --ctx, --threads, --isa, --kv. HEARTH_ISA does what --isa does.
void add_load_flags(CLI::App& command, LoadFlags& flags);

// Resolves MODEL in the library and loads it.
std::unique_ptr<LoadedModel> load(const LoadFlags& flags);

}  // namespace hearth
