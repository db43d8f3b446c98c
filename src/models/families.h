// The families: one file each; registry.cc maps `general.architecture` to them.
#pragma once

#include <memory>

#include "models/model.h"

namespace hearth {

std::unique_ptr<Model> make_llama(const Gguf& file, Device& device, const ModelOptions& options);
std::unique_ptr<Model> make_qwen2(const Gguf& file, Device& device, const ModelOptions& options);
std::unique_ptr<Model> make_phi3(const Gguf& file, Device& device, const ModelOptions& options);
std::unique_ptr<Model> make_gemma3(const Gguf& file, Device& device, const ModelOptions& options);

}  // namespace hearth
