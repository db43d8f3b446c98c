#include "host/loaded_model.h"

#include <chrono>
#include <future>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/exhausted.h"
#include "host/weight_cache.h"
#include "platform/memory.h"

namespace hearth {
namespace {

void check_memory(const Gguf& file) {
  const std::uint64_t available = available_memory_bytes();
  if (file.file_bytes() <= available) return;
  throw ShortageError(ShortageError::Of::kMemory,
                      "the model takes " + std::to_string(file.file_bytes() >> 20) + " MiB and " +
                          std::to_string(available >> 20) +
                          " MiB of memory are free; close other programs or take a " +
                          "smaller model");
}

void check_vocabulary(const Tokenizer& tokenizer, const Model& model) {
  if (tokenizer.size() <= model.config().vocabulary) return;
  throw Error(ErrorCode::kCorruptData, "the vocabulary has " + std::to_string(tokenizer.size()) +
                                           " tokens and the embedding " +
                                           std::to_string(model.config().vocabulary) + " rows");
}

}  // namespace

std::unique_ptr<LoadedModel> open_model(const std::filesystem::path& path,
                                        const LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  auto loaded = std::make_unique<LoadedModel>(
      LoadedModel{Gguf::open(path), nullptr, nullptr, nullptr, nullptr});
  check_memory(loaded->file);
  // A quarter of a second for a large vocabulary, on one thread: beside the weights.
  auto tokenizer = std::async([&] {
    auto made = Tokenizer::load(loaded->file.metadata());
    loaded->file.release_metadata();
    return made;
  });
  loaded->device = options.shared_device ? options.shared_device : make_device(options.device);
  ModelOptions model_options{options.context, options.cache_types, {}, nullptr};
  const WeightCache cache(options.weight_cache);
  std::optional<WeightImage> image;
  if (!options.weight_cache.empty())
    image = cache.image_of(loaded->file.identity(), options.blob_digest, options.device);
  if (image) model_options.image = &*image;
  if (options.on_progress) {
    model_options.on_progress = [&, all = loaded->file.file_bytes()](std::uint64_t done) {
      options.on_progress(done, all);
    };
  }
  loaded->model = load_model(loaded->file, *loaded->device, model_options);
  if (image) cache.trim();
  loaded->tokenizer = tokenizer.get();
  check_vocabulary(*loaded->tokenizer, *loaded->model);
  loaded->engine = std::make_unique<Engine>(
      *loaded->model, *loaded->device,
      EngineOptions{.context = options.context,
                    .cache_bytes = options.cache_bytes != 0 ? options.cache_bytes
                                                            : available_memory_bytes() / 2,
                    .rows_per_step = options.rows_per_step,
                    .sequences = options.sequences});
  loaded->load_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return loaded;
}

}  // namespace hearth
