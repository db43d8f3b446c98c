// ModelEntry: a model as listings and descriptions show it. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hearth {

struct ModelEntry {
  std::string name;    // "smollm2:135m"
  std::string digest;  // hexadecimal
  std::uint64_t bytes = 0;
  std::int64_t modified_unix_s = 0;
  std::string family;                // general.architecture
  std::string parameter_size;        // "134.52M"
  std::string quantization_level;    // "Q4_K_M"
  std::uint64_t context_length = 0;  // as trained
  std::uint64_t embedding_length = 0;
  std::vector<std::string> capabilities;  // of Ollama's vocabulary
};

struct RunningModel {
  ModelEntry model;
  std::optional<std::int64_t> expires_unix_s;  // none: never
  std::uint64_t memory_bytes = 0;
  std::uint64_t context = 0;  // positions of this load
};

using MetadataValue = std::variant<bool, std::int64_t, double, std::string>;  // arrays are left out

struct ModelDescription {
  ModelEntry model;
  std::string modelfile, chat_template, system, licence;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::vector<std::pair<std::string, MetadataValue>> metadata;  // of the GGUF file
  struct Tensor {
    std::string name, type;
    std::vector<std::uint64_t> shape;
  };
  std::vector<Tensor> tensors;
};

}  // namespace hearth
