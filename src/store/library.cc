#include "store/library.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/error.h"
#include "base/log.h"
#include "format/gguf.h"
#include "format/gguf_shards.h"
#include "platform/file.h"
#include "store/download.h"
#include "store/import.h"
#include "store/push.h"
#include "store/sources.h"
#include "store/sweep.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

std::int64_t now_unix_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::optional<std::string> read_manifest_text(const fs::path& path) {
  try {
    return read_small_file(path, kManifestBytesMax);
  } catch (const Error& error) {
    throw with_home_advice(error);
  }
}

FileLock wait_for_store(const PullContext& context) {
  return wait_for_lock(context, context.layout.store_lock(), {}, "the store");
}

// "model-00002-of-00005.gguf", the name under which the reader of shards finds them.
std::string shard_file_name(std::size_t number, std::size_t count) {
  return format_shard_name(
      {"model", static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(count)});
}

// Sweeps when a pull or a copy ends, however it ends (cancelled too: it waits for the store all the
// same), and removes the rooms that a refused one made. To be made before the lock of the model is
// taken: who holds one is at work.
class SweepAtEnd {
 public:
  explicit SweepAtEnd(const PullContext& context)
      : context_{context.layout, context.http, context.meter, context.fail_point, nullptr},
        tidy_(context.layout) {}
  SweepAtEnd(const SweepAtEnd&) = delete;
  SweepAtEnd& operator=(const SweepAtEnd&) = delete;
  ~SweepAtEnd() {
    try {
      const FileLock store = wait_for_store(context_);
      sweep(context_.layout, let_go);
      tidy_.remove_rooms();
    } catch (const std::exception&) {
      // The next one sweeps; what this pull has to say is its own result.
    }
  }

  std::vector<Layer> let_go;  // blobs that lost a name, or were found unfit for one

 private:
  const PullContext context_;
  const EmptyDirectories tidy_;
};

// The lock of what is being named. The store's lock is passed once with it: a sweep that had not
// seen our lock is over then, and one that begins later sees it.
FileLock wait_for_name(const PullContext& context, const ModelRef& ref) {
  FileLock lock = wait_for_lock(context, context.layout.lock(ref.key()), {}, ref.text);
  wait_for_store(context);
  return lock;
}

}  // namespace

fs::path Library::default_home() {
  const auto from = [](const char* name, const char* below) -> std::optional<fs::path> {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    fs::path place(value);
    if (*below != '\0') place /= below;
    return fs::absolute(place).lexically_normal();
  };
  if (auto home = from("HEARTH_HOME", "")) return *home;
  if (auto home = from("XDG_DATA_HOME", "hearth")) return *home;
  if (auto home = from("HOME", ".local/share/hearth")) return *home;
  throw Error(ErrorCode::kInvalidArgument,
              "no place for models: set HEARTH_HOME, or HOME, to a directory");
}

Library::Library(Options options, Catalog catalog, HttpClient& http, WheelFetcher* wheels)
    : options_(std::move(options)),
      layout_(options_.home),
      catalog_(std::move(catalog)),
      http_(http),
      wheels_(wheels) {}

ModelRef Library::canonical(const ModelRef& ref) const {
  if (ref.kind != ModelRef::Kind::kName) return ref;
  if (const CatalogModel* model = catalog_.find(ref)) return ModelRef::parse(model->reference());
  return ref.tag.empty() ? ModelRef::parse(ref.name + ":latest") : ref;
}

std::optional<Manifest> Library::read_manifest(const ModelRef& ref) const {
  const auto text = read_manifest_text(layout_.manifest(ref.key()));
  if (!text) return std::nullopt;
  return parse_manifest(*text, ref.text);
}

bool Library::complete(const Manifest& manifest) const {
  return std::ranges::all_of(manifest.layers, [&](const Layer& layer) {
    return file_bytes_if_present(layout_.blob(layer.digest)) == layer.bytes;
  });
}

bool Library::contains(const ModelRef& ref) const {
  const auto manifest = read_manifest(canonical(ref));
  return manifest && complete(*manifest);
}

void Library::throw_not_found(const ModelRef& ref) const {
  if (catalog_.find(ref) != nullptr || ref.kind != ModelRef::Kind::kName) {
    throw Error(ErrorCode::kNotFound, "the model " + ref.text +
                                          " is not on this machine yet: get it with 'hearth pull " +
                                          ref.text + "'");
  }
  std::string message = "there is no model '" + (ref.tag == "latest" ? ref.name : ref.text) +
                        "', here or in the catalog";
  std::string names;
  for (const std::string& name : catalog_.similar(ref.name)) {
    names += (names.empty() ? "" : ", ") + name;
  }
  message += names.empty() ? ": 'hearth list --catalog' shows what there is"
                           : ": did you mean " + names + "?";
  throw Error(ErrorCode::kNotFound, message);
}

bool Library::has_source(const ModelRef& ref) const {
  return ref.kind != ModelRef::Kind::kName || catalog_.find(ref) != nullptr;
}

void Library::throw_files_missing(const ModelRef& ref) const {
  throw Error(ErrorCode::kNotFound,
              "files of " + ref.text + " are missing: " +
                  (has_source(ref) ? "get them with 'hearth pull " + ref.text + "'"
                                   : "it is a copy; remove it with 'hearth rm " + ref.text +
                                         "', then copy it again"));
}

fs::path Library::model_path(const Manifest& manifest) const {
  const std::vector<Layer> shards = manifest.with_role(LayerRole::kModel);
  if (shards.size() == 1) return layout_.blob(shards.front().digest);
  return layout_.set(shards.front().digest) / shard_file_name(1, shards.size());
}

ResolvedModel Library::resolve(const ModelRef& ref) const {
  if (ref.kind == ModelRef::Kind::kFile) {
    if (!file_bytes_if_present(ref.path)) {
      throw Error(ErrorCode::kNotFound,
                  "there is no file '" + ref.path.string() + "': check its name");
    }
    return {ref.text, ref.path, std::nullopt};
  }
  const ModelRef full = canonical(ref);
  auto manifest = read_manifest(full);
  if (!manifest) throw_not_found(full);
  if (!complete(*manifest)) throw_files_missing(full);
  fs::path path = model_path(*manifest);
  return {full.text, std::move(path), std::move(manifest)};
}

Modelfile Library::recipe(const Manifest& manifest) const {
  std::vector<RecipeLayer> layers;
  for (const Layer& layer : manifest.layers) {
    if (!is_recipe(layer.role)) continue;
    auto text = read_small_file(layout_.blob(layer.digest), kSmallLayerBytesMax);
    if (text) layers.push_back({layer.role, std::move(*text)});
  }
  Modelfile said = read_recipe(layers);
  said.from = manifest.reference;
  return said;
}

std::vector<Manifest> Library::list() const {
  std::vector<Manifest> manifests;
  for (const fs::path& path : entries_of(layout_.manifests())) {
    const std::string name = path.filename().string();
    if (!Digest::try_parse(name)) continue;  // a write that a crash cut short
    try {
      if (const auto text = read_manifest_text(path)) {
        manifests.push_back(parse_manifest(*text, name.substr(0, 12)));
      }
    } catch (const Error& broken) {
      log(LogLevel::kWarn, broken.message());
    }
  }
  std::ranges::sort(manifests, [](const Manifest& a, const Manifest& b) {
    return std::pair(b.created_unix_s, a.reference) < std::pair(a.created_unix_s, b.reference);
  });
  return manifests;
}

void Library::check_memory(std::uint64_t bytes, std::string_view what) const {
  if (options_.memory_bytes == 0 || bytes <= options_.memory_bytes) return;
  throw Error(ErrorCode::kResourceExhausted,
              std::string(what) + " needs about " + format_bytes(bytes) +
                  " of memory and this machine has " + format_bytes(options_.memory_bytes) +
                  " available"
                  ": choose a smaller one, or insist with 'hearth pull --force'");
}

// Gives the shards of a model names that follow each other, and opens the model once: what cannot
// be read is refused before it has a name.
void Library::check_model(const Manifest& manifest) const {
  const std::vector<Layer> shards = manifest.with_role(LayerRole::kModel);
  if (shards.size() > 1) {
    const fs::path directory = layout_.set(shards.front().digest);
    make_directories(directory);
    for (std::size_t i = 0; i < shards.size(); ++i) {
      const fs::path link = directory / shard_file_name(i + 1, shards.size());
      remove_file(link);
      std::error_code error;
      const fs::path blob = layout_.blob(shards[i].digest);
      fs::create_symlink(fs::path("../../blobs") / blob.filename(), link, error);
      if (error) throw_system_error("link", link, error.value());
    }
  }
  Gguf::open(model_path(manifest));
}

void Library::publish(const Manifest& manifest, const PullContext& context) {
  const FileLock store = wait_for_store(context);
  if (!complete(manifest)) {
    throw Error(ErrorCode::kUnavailable,
                "files of " + manifest.reference + " were removed meanwhile: pull it again");
  }
  make_directories(layout_.manifests());
  if (options_.fail_point) options_.fail_point("before_manifest");
  write_file_atomically(layout_.manifest(Digest::of(manifest.reference)), serialize(manifest));
  if (options_.fail_point) options_.fail_point("after_manifest");
}

Manifest Library::fetch(const ModelRef& ref, const PullContext& context, const PullOptions& options,
                        std::vector<Layer>& let_go) {
  const CatalogModel* known = catalog_.find(ref);
  if (!has_source(ref)) throw_files_missing(ref);
  SourceOptions source_options{.hub_endpoint = options_.hub_endpoint,
                               .hub_token = options_.hub_token,
                               .registry_endpoint = options_.registry_endpoint,
                               .wheels = wheels_,
                               .digest = {},
                               .bytes = {},
                               .check_bytes = {}};
  std::vector<CatalogSource> sources = {{{ref}}};
  if (known != nullptr) {
    sources = known->sources;
    source_options.digest = known->digest;
    if (known->digest) source_options.bytes = known->bytes;
    if (known->format != "gguf") {
      throw Error(ErrorCode::kUnsupported,
                  ref.text + " comes as " + known->format + ", which this hearth cannot run yet");
    }
  }
  if (!options.force) {
    if (known != nullptr) check_memory(known->memory_bytes, ref.text);
    source_options.check_bytes = [&](std::uint64_t bytes) { check_memory(bytes, ref.text); };
  }
  std::string failures;
  std::optional<Error> last;
  for (const CatalogSource& source : sources) {
    try {
      const SourceResult result = fetch_source(context, source, source_options);
      Manifest manifest{.reference = ref.text,
                        .source = result.source,
                        .licence = known != nullptr ? known->licence : result.licence,
                        .verified_by = source_options.digest  ? "catalog"
                                       : result.digests_named ? "source"
                                                              : "nobody",
                        .created_unix_s = now_unix_s(),
                        .layers = result.layers};
      context.meter.begin(PullStage::kChecking, ref.text);
      try {
        check_model(manifest);
      } catch (const Error&) {
        for (const Digest& key : result.journals) PartialBlob::forget(layout_, key);
        // They stay beside what the next source brings, twice the disk: a template or a shard among
        // them may be what another pull is about to name, and whether one is at work can be told
        // only without a lock of our own.
        std::ranges::copy(manifest.layers, std::back_inserter(let_go));
        throw;
      }
      publish(manifest, context);
      for (const Digest& key : result.journals) PartialBlob::forget(layout_, key);
      return manifest;
    } catch (const Error& error) {
      const bool elsewhere =
          error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kNotFound ||
          error.code() == ErrorCode::kCorruptData || error.code() == ErrorCode::kUnsupported;
      if (!elsewhere || sources.size() == 1) throw;
      failures +=
          (failures.empty() ? "" : "; ") + source.refs.front().text + ": " + error.message();
      last = error;
    }
  }
  throw Error(last->code(), "none of the sources of " + ref.text + " served it: " + failures);
}

PullResult Library::pull(const ModelRef& typed, const PullOptions& options) {
  const ModelRef ref = canonical(typed);
  if (ref.kind == ModelRef::Kind::kFile) {
    throw Error(ErrorCode::kInvalidArgument,
                "'" + ref.text +
                    "' is a file: run it as it is, or take it into the library with "
                    "'hearth cp " +
                    ref.text + " NAME'");
  }
  const bool known = has_source(ref);
  if (!known && !read_manifest(ref)) throw_not_found(ref);
  ProgressMeter meter(options.observer);
  const PullContext context{layout_, http_, meter, options_.fail_point, options.cancel};
  SweepAtEnd end(context);
  const FileLock lock = wait_for_name(context, ref);
  auto before = read_manifest(ref);
  if (before && complete(*before) && (!options.update || !known)) {
    if (ref.kind == ModelRef::Kind::kUrl) PartialBlob::forget(layout_, url_partial_key(ref.name));
    return {.manifest = std::move(*before), .was_present = true};
  }
  PullResult result{.manifest = fetch(ref, context, options, end.let_go)};
  if (before) {
    result.was_present = true;
    result.changed = before->model_digest() != result.manifest.model_digest();
    std::ranges::copy(before->layers, std::back_inserter(end.let_go));
  }
  meter.begin(PullStage::kDone, result.manifest.source, result.manifest.total_bytes(),
              result.manifest.total_bytes());
  return result;
}

// A registry's name is one, too: the model can be pushed there.
ModelRef Library::own_name(const ModelRef& typed) const {
  const ModelRef name = canonical(typed);
  const bool free = name.kind == ModelRef::Kind::kName && catalog_.find(name) == nullptr;
  if (free || name.kind == ModelRef::Kind::kRegistry) return name;
  throw Error(ErrorCode::kInvalidArgument,
              "'" + typed.text +
                  "' cannot be the name of a model of your own: choose one that is neither an "
                  "address nor in the catalog, or ollama.com/USER/NAME");
}

Manifest Library::copy(const ModelRef& from, const ModelRef& to, const PullOptions& options) {
  const ModelRef name = own_name(to);
  const ResolvedModel source = resolve(from);
  if (!source.manifest) Gguf::open(source.path);  // what cannot be read is refused before its copy
  ProgressMeter meter(options.observer);
  const PullContext context{layout_, http_, meter, options_.fail_point, options.cancel};
  const SweepAtEnd end(context);
  const FileLock lock = wait_for_name(context, name);
  if (read_manifest(name)) {
    throw Error(ErrorCode::kInvalidArgument, "there is a model '" + name.text +
                                                 "' already: remove it with 'hearth rm " +
                                                 name.text + "'");
  }
  Manifest manifest;
  if (source.manifest) {
    manifest = *source.manifest;
  } else {
    manifest.source = source.path.string();
    manifest.layers = import_files(context, source.path);
  }
  manifest.reference = name.text;
  manifest.created_unix_s = now_unix_s();
  if (!source.manifest) check_model(manifest);
  publish(manifest, context);
  return manifest;
}

void Library::push(const ModelRef& ref, const PullOptions& options) {
  const ResolvedModel model = resolve(ref);
  if (ref.kind != ModelRef::Kind::kRegistry) {
    throw Error(ErrorCode::kInvalidArgument,
                "'" + ref.text +
                    "' does not say to which registry: give it such a name with "
                    "'hearth cp " +
                    ref.text + " ollama.com/USER/NAME'");
  }
  ProgressMeter meter(options.observer);
  const PullContext context{layout_, http_, meter, options_.fail_point, options.cancel};
  const Gguf file = Gguf::open(model.path);
  const auto family = file.metadata().optional_string("general.architecture").value_or("");
  push_model(context, ref, {*model.manifest, std::string(family), options_.registry_endpoint});
}

bool Library::has_blob(const Digest& digest) const {
  return file_bytes_if_present(layout_.blob(digest)).has_value();
}

std::uint64_t Library::upload_bytes_max() const {
  const std::uint64_t free_bytes = free_disk_bytes(layout_.home());
  return free_bytes - std::min(free_bytes, kDiskReserveBytes);
}

std::unique_ptr<BlobUpload> Library::upload(const Digest& expected) const {
  return std::make_unique<BlobUpload>(layout_, options_.fail_point, expected);
}

void Library::publish(BlobUpload& upload) const {
  upload.publish();
  ProgressMeter meter({});
  const FileLock store = wait_for_store({layout_, http_, meter, options_.fail_point, nullptr});
  sweep(layout_, {});
}

std::vector<Layer> Library::uploaded_layers(const std::vector<Digest>& blobs) const {
  std::vector<Layer> layers;
  for (const Digest& digest : blobs) {
    const auto bytes = file_bytes_if_present(layout_.blob(digest));
    if (!bytes) {
      throw Error(ErrorCode::kInvalidArgument,
                  "the file sha256:" + digest.hex() + " is not here: send it first");
    }
    layers.push_back({LayerRole::kModel, digest, *bytes});
  }
  return layers;
}

// The caller holds a lock: no sweep takes it before it is named.
Layer Library::write_text(const RecipeLayer& text) const {
  if (text.text.size() > kSmallLayerBytesMax) {
    throw Error(ErrorCode::kInvalidArgument, "the " + std::string(to_string(text.role)) + " has " +
                                                 std::to_string(text.text.size()) +
                                                 " bytes, at most " +
                                                 std::to_string(kSmallLayerBytesMax) + " are kept");
  }
  const Digest digest = Digest::of(text.text);
  make_directories(layout_.blobs());
  if (file_bytes_if_present(layout_.blob(digest)) != text.text.size()) {
    // Under a name of this process' own: another may be writing the same text.
    BlobUpload writing(layout_, options_.fail_point, digest);
    writing.append(text.text);
    writing.publish();
  }
  return {text.role, digest, text.text.size()};
}

Manifest Library::create(const ModelRef& typed, const NewModel& model, const PullOptions& options) {
  const ModelRef name = own_name(typed);
  std::optional<ResolvedModel> base;
  if (model.from) base = resolve(*model.from);
  const bool is_file = base && !base->manifest;
  if (is_file) Gguf::open(base->path);  // what cannot be read is refused before its copy
  ProgressMeter meter(options.observer);
  const PullContext context{layout_, http_, meter, options_.fail_point, options.cancel};
  SweepAtEnd end(context);
  const FileLock lock = wait_for_name(context, name);
  const auto before = read_manifest(name);
  Manifest manifest;
  Modelfile said = model.recipe;
  if (is_file) {
    manifest.source = base->path.string();
    manifest.layers = import_files(context, base->path);
  } else if (base) {
    manifest = *base->manifest;
    manifest.source = base->reference;
    said = merged_recipe(recipe(manifest), model.recipe);
    std::erase_if(manifest.layers, [](const Layer& layer) { return is_recipe(layer.role); });
  } else {
    manifest.source = "an upload";
    manifest.layers = uploaded_layers(model.blobs);
  }
  manifest.reference = name.text;
  manifest.created_unix_s = now_unix_s();
  for (const RecipeLayer& text : recipe_layers(said)) manifest.layers.push_back(write_text(text));
  if (!base || is_file) check_model(manifest);
  publish(manifest, context);
  if (before) end.let_go = before->layers;
  return manifest;
}

std::uint64_t Library::remove(const ModelRef& typed) {
  const ModelRef ref = canonical(typed);
  if (ref.kind == ModelRef::Kind::kFile) {
    throw Error(ErrorCode::kInvalidArgument,
                "'" + ref.text + "' is a file outside the library: hearth removes only its own");
  }
  const auto text = read_manifest_text(layout_.manifest(ref.key()));
  if (!text)
    throw Error(ErrorCode::kNotFound,
                "the model " + ref.text + " is not on this machine: 'hearth list' shows what is");
  std::vector<Layer> layers;
  try {
    layers = parse_manifest(*text, ref.text).layers;
  } catch (const Error& broken) {
    log(LogLevel::kWarn, broken.message());  // a broken manifest can still be removed
  }
  ProgressMeter meter({});
  const PullContext context{layout_, http_, meter, options_.fail_point, nullptr};
  const FileLock store = wait_for_store(context);
  remove_file(layout_.manifest(ref.key()));
  sync_directory(layout_.manifests());
  return sweep(layout_, layers);
}

}  // namespace hearth
