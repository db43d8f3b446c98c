#include "load.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/error.h"
#include "cli/interrupt_scope.h"
#include "cli/loading_line.h"
#include "cli/progress_line.h"
#include "library.h"
#include "store/layout.h"

namespace hearth {

void add_device_flags(CLI::App& command, DeviceOptions& options) {
  command.add_option("--threads", options.threads, "Compute threads (default: all usable cores)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1024}).description(""));
  command
      .add_option("--isa", options.isa,
                  "Instruction set: reference, portable, avx2, avx2_vnni, avx512_vnni, avx512_bf16 "
                  "(default: the best)")
      ->type_name("NAME")
      ->envname("HEARTH_ISA");
}

void add_load_flags(CLI::App& command, LoadFlags& flags) {
  command
      .add_option("MODEL", flags.model,
                  "A model of the library, a reference to pull, or a GGUF file")
      ->required()
      ->type_name("");
  add_engine_flags(command, flags);
}

void add_engine_flags(CLI::App& command, LoadFlags& flags) {
  command
      .add_option(
          "--ctx", flags.options.context,
          "Tokens the context holds (default: as trained, or as half of the free memory holds)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 27).description(""));
  add_device_flags(command, flags.options.device);
  command
      .add_option("--decode-threads", flags.options.device.decode_threads,
                  "Of the threads, those that work while only generating (default: all)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1024}).description(""));
  command
      .add_option("--kv-type", flags.kv_type,
                  "Type of cached keys and values (or KEYS,VALUES): f16, q8_0, q4_0; f32")
      ->type_name("TYPE")
      ->capture_default_str()
      ->check(CLI::Validator(
          [](const std::string& name) {
            if (cache_types_from_name(name)) return std::string();
            return "'" + name +
                   "' is no type of the cache: f16, q8_0, q4_0, two of them as KEYS,VALUES, or f32";
          },
          ""));
  command.add_flag("--fast", flags.options.device.fast,
                   "Round F16 weights to bfloat16: faster and less exact (needs avx512_bf16)");
  CLI::Option* cache =
      command
          .add_flag("--weight-cache", flags.weight_cache,
                    "Keep the weights on disk as they are computed with: later starts are faster")
          ->envname("HEARTH_WEIGHT_CACHE");
  // The variable is a default, which gives way; the flag does not.
  command
      .add_flag_callback(
          "--mmap",
          [&flags, cache] {
            flags.options.device.in_place = true;
            cache->envname("");
          },
          "Use the weights where the file is mapped: least memory, and slow")
      ->trigger_on_parse();
}

ResolvedModel resolve_model(const std::string& model) {
  CommandLibrary opened;
  const ModelRef ref = ModelRef::parse(model);
  if (ref.kind != ModelRef::Kind::kFile && !opened.library.contains(ref)) {
    const CatalogModel* known = opened.library.catalog().find(ref);
    if (known != nullptr && !known->runs) {
      throw Error(ErrorCode::kUnsupported, known->reference() +
                                               " cannot run on this Hearth yet: 'hearth list "
                                               "--catalog' shows what can");
    }
    const InterruptScope scope;
    ProgressLine line(ProgressLine::style_for_stderr());
    PullOptions options;
    options.cancel = &scope.token();
    options.observer = [&](const PullProgress& progress) { line.show(progress); };
    opened.library.pull(ref, options);
  }
  return opened.library.resolve(ref);
}

bool takes_any_engine(const LoadFlags& flags) {
  const DeviceOptions& device = flags.options.device;
  return flags.options.context == 0 && flags.kv_type == LoadFlags().kv_type &&
         !flags.weight_cache && device.isa.empty() && device.threads == 0 &&
         device.decode_threads == 0 && !device.in_place && !device.fast;
}

LoadOptions load_options(const LoadFlags& flags) {
  if (flags.weight_cache && flags.options.device.in_place) {
    throw Error(ErrorCode::kInvalidArgument,
                "--weight-cache keeps packed weights, and --mmap packs none: leave one out");
  }
  LoadOptions options = flags.options;
  options.cache_types = *cache_types_from_name(flags.kv_type);
  if (flags.weight_cache) options.weight_cache = StoreLayout(Library::default_home()).packed();
  return options;
}

namespace {

// As the model's own num_ctx wants it, of what its file was trained for; 0: it says nothing.
std::size_t own_context(const ModelDefaults& defaults, const std::filesystem::path& path) {
  std::size_t wanted = 0;
  for (const auto& [name, text] : defaults.parameters) {
    if (name == "num_ctx") wanted = std::stoul(text);
  }
  if (wanted == 0) return 0;  // and the file is not opened once more
  const Gguf file = Gguf::open(path);
  const GgufMetadata& metadata = file.metadata();
  const auto family = metadata.optional_string("general.architecture").value_or("");
  const auto trained = metadata.optional_unsigned(std::string(family) + ".context_length");
  return std::min<std::size_t>(wanted, trained.value_or(wanted));
}

}  // namespace

std::unique_ptr<LoadedModel> load(const LoadFlags& flags, ModelDefaults* defaults) {
  LoadOptions options = load_options(flags);
  const ResolvedModel model = resolve_model(flags.model);
  if (model.manifest) options.blob_digest = model.manifest->model_digest().hex();
  if (model.manifest && defaults != nullptr) {
    *defaults = model_defaults(CommandLibrary().library.recipe(*model.manifest));
    if (options.context == 0) options.context = own_context(*defaults, model.path);
  }
  LoadingLine line(flags.model);
  options.on_progress = [&](std::uint64_t done, std::uint64_t all) { line.show(done, all); };
  return open_model(model.path, options);
}

}  // namespace hearth
