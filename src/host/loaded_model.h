// LoadedModel: a model in memory, ready to answer: its file, tokenizer, device, weights and engine.
// Owns all of them, the device perhaps with other models; the engine has one user at a time, and so
// has the device.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "format/gguf.h"
#include "models/model.h"
#include "text/tokenizer.h"

namespace hearth {

struct LoadOptions {
  DeviceOptions device;
  std::shared_ptr<Device> shared_device = {};  // made with those options; none: one of its own
  std::size_t context = 0;  // 0: as trained, or what half of the free memory holds
  std::size_t rows_per_step = 512;
  std::size_t sequences = 0;      // as EngineOptions has them
  std::uint64_t cache_bytes = 0;  // memory their keys and values may take; 0: half of what is free
  CacheTypes cache_types;
  std::filesystem::path weight_cache = {};  // of weight images (weight_cache.h); empty: none
  std::string blob_digest = {};  // of a blob of the library, whose bytes never change: its name
  std::function<void(std::uint64_t done_bytes, std::uint64_t all_bytes)>
      on_progress;  // while loading, one call at a time, on any thread
};

struct LoadedModel {
  Gguf file;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::shared_ptr<Device> device;
  std::unique_ptr<Model> model;
  std::unique_ptr<Engine> engine;
  double load_seconds = 0;
};

// Errors: as Gguf::open, Tokenizer::load, make_device and load_model; kResourceExhausted, with both
// numbers, when the weights do not fit in the memory that is free.
std::unique_ptr<LoadedModel> open_model(const std::filesystem::path& path,
                                        const LoadOptions& options);

}  // namespace hearth
