// The flags of every command that loads a model, and the loading.
#pragma once

#include <memory>
#include <string>

#include "host/loaded_model.h"
#include "host/model_defaults.h"
#include "store/library.h"

namespace CLI {
class App;
}

namespace hearth {

// --threads, --isa. HEARTH_ISA does what --isa does.
void add_device_flags(CLI::App& command, DeviceOptions& options);

struct LoadFlags {
  std::string model;
  LoadOptions options;
  std::string kv_type = "f16";
  bool weight_cache = false;
};

// --ctx, --kv-type, --mmap, --fast, --weight-cache, and those of the device.
void add_engine_flags(CLI::App& command, LoadFlags& flags);
// MODEL, and those.
void add_load_flags(CLI::App& command, LoadFlags& flags);

// What can be fetched and is not here is pulled first, with its progress on stderr.
ResolvedModel resolve_model(const std::string& model);

// Whether a model as a server has it will do: none of the flags asks for another.
bool takes_any_engine(const LoadFlags& flags);

// How the flags say to load, whatever the model; kInvalidArgument where they contradict each other.
LoadOptions load_options(const LoadFlags& flags);

// Loads MODEL's file; on a terminal's stderr, a line says so while it takes long. `defaults`, where
// it is given, gets what the model says beside its weights.
std::unique_ptr<LoadedModel> load(const LoadFlags& flags, ModelDefaults* defaults = nullptr);

}  // namespace hearth
