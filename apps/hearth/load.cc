#include "load.h"

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "library.h"

namespace hearth {

void add_load_flags(CLI::App& command, LoadFlags& flags) {
  command
      .add_option("model", flags.model,
                  "A model of the library, a reference to pull, or a GGUF file")
      ->required()
      ->type_name("MODEL");
  command
      .add_option("--ctx", flags.options.context,
                  "Positions the context holds (default: as trained)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 27));
  command
      .add_option("--threads", flags.options.device.threads,
                  "Compute threads (default: all usable cores)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1024}));
  command
      .add_option(
          "--isa", flags.options.device.isa,
          "Instruction set: reference, portable, avx2, avx2_vnni, avx512_vnni (default: the best)")
      ->type_name("NAME")
      ->envname("HEARTH_ISA");
  command.add_option("--kv", flags.kv, "Type of cached keys and values")
      ->capture_default_str()
      ->check(CLI::IsMember({"f16", "f32"}));
}

std::unique_ptr<LoadedModel> load(const LoadFlags& flags) {
  const CommandLibrary opened;
  LoadOptions options = flags.options;
  options.cache_type = flags.kv == "f32" ? CacheType::kF32 : CacheType::kF16;
  return open_model(opened.library.resolve(ModelRef::parse(flags.model)).path, options);
}

}  // namespace hearth
