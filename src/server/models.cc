// What the library's models are, for listings and descriptions.
#include <algorithm>
#include <cstdio>
#include <map>

#include "base/error.h"
#include "format/gguf.h"
#include "server/service.h"

namespace hearth {
namespace {

// "134.52M", "1.54B", as model cards of Ollama say it.
std::string parameter_size(const Gguf& file) {
  double count = 0;
  for (const GgufTensor& tensor : file.tensors()) count += static_cast<double>(tensor.elements());
  char text[32];
  std::snprintf(text, sizeof text, count >= 1e9 ? "%.1fB" : "%.2fM",
                count / (count >= 1e9 ? 1e9 : 1e6));
  return text;
}

// The type that holds most of the bytes.
std::string quantization(const Gguf& file) {
  std::map<DType, std::uint64_t> bytes;
  for (const GgufTensor& tensor : file.tensors()) bytes[tensor.type] += tensor.bytes.size();
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? "" : std::string(dtype_info(most->first).name);
}

std::uint64_t hyper_parameter(const Gguf& file, const std::string& family, const char* name) {
  return file.metadata().optional_unsigned(family + "." + name).value_or(0);
}

ModelEntry entry_of(const Manifest& manifest, const Gguf& file) {
  ModelEntry entry;
  entry.name = manifest.reference;
  entry.digest = manifest.model_digest().hex();
  entry.bytes = manifest.total_bytes();
  entry.modified_unix_s = manifest.created_unix_s;
  entry.family = std::string(file.metadata().optional_string("general.architecture").value_or(""));
  entry.parameter_size = parameter_size(file);
  entry.quantization_level = quantization(file);
  entry.context_length = hyper_parameter(file, entry.family, "context_length");
  entry.embedding_length = hyper_parameter(file, entry.family, "embedding_length");
  entry.capabilities = {"completion"};
  if (file.metadata().contains("tokenizer.ggml.fim_pre_token_id"))
    entry.capabilities.emplace_back("insert");
  entry.capabilities.emplace_back("embedding");
  return entry;
}

ResolvedModel resolve(const Library& library, const std::string& name) {
  const auto unknown = [&] {
    return Error(ErrorCode::kNotFound, "model '" + name + "' not found");
  };
  std::optional<ModelRef> ref;
  try {
    ref = ModelRef::parse(name);
  } catch (const Error&) {
    throw unknown();
  }
  // A path of this machine is nobody's business but the command line's.
  if (ref->kind == ModelRef::Kind::kFile || !library.contains(*ref)) throw unknown();
  return library.resolve(*ref);
}

// A model in memory may have left the library since.
ModelEntry entry_or_name(const Library& library, const ModelPlace& place) {
  try {
    return model_entry(library, place.name);
  } catch (const Error&) {
    ModelEntry entry;
    entry.name = place.name;
    entry.digest = place.digest;
    return entry;
  }
}

std::optional<MetadataValue> metadata_value(const GgufMetadata& metadata, std::string_view key) {
  const std::string type = metadata.type_name(key);
  if (type.starts_with('[')) return std::nullopt;
  if (type == "string") return std::string(metadata.string(key));
  if (type == "bool") return metadata.boolean(key);
  if (type.starts_with('f')) return metadata.number(key);
  if (type.starts_with('u')) return static_cast<std::int64_t>(metadata.unsigned_integer(key));
  return std::stoll(metadata.to_text(key, 32));
}

// A text that no quotes of a Modelfile can hold leaves its name alone, which is what it is made of.
std::string modelfile_text(const Modelfile& recipe) {
  try {
    return to_text(recipe);
  } catch (const Error&) {
    return "FROM " + recipe.from + "\n";
  }
}

}  // namespace

ModelPlace find_in_library(const Library& library, const std::string& name) {
  const ResolvedModel model = resolve(library, name);
  ModelPlace place{
      .name = model.reference, .path = model.path, .digest = model.manifest->model_digest().hex()};
  for (const Layer& layer : model.manifest->layers) place.made_of += layer.digest.hex();
  place.defaults = [&library, manifest = *model.manifest] {
    return model_defaults(library.recipe(manifest));
  };
  return place;
}

std::vector<ModelEntry> model_entries(const Library& library) {
  std::vector<ModelEntry> entries;
  for (const Manifest& manifest : library.list()) {
    try {
      const ResolvedModel model = library.resolve(ModelRef::parse(manifest.reference));
      entries.push_back(entry_of(manifest, Gguf::open(model.path)));
    } catch (const Error&) {
      continue;  // a model whose file is gone or broken: `hearth list` says so
    }
  }
  return entries;
}

ModelEntry model_entry(const Library& library, const std::string& name) {
  const ResolvedModel model = resolve(library, name);
  return entry_of(*model.manifest, Gguf::open(model.path));
}

ModelDescription describe_model(const Library& library, const std::string& name) {
  const ResolvedModel model = resolve(library, name);
  const Gguf file = Gguf::open(model.path);
  const GgufMetadata& metadata = file.metadata();
  ModelDescription description;
  description.model = entry_of(*model.manifest, file);
  const Modelfile recipe = library.recipe(*model.manifest);
  description.chat_template = recipe.template_text.value_or(model_template(metadata));
  description.system = recipe.system.value_or("");
  description.licence = recipe.licence_text();
  if (description.licence.empty()) description.licence = model.manifest->licence;
  for (const ModelfileParameter& parameter : recipe.parameters) {
    description.parameters.emplace_back(parameter.name, to_text(parameter.value));
  }
  description.modelfile = modelfile_text(recipe);
  for (const std::string_view key : metadata.keys()) {
    if (auto value = metadata_value(metadata, key))
      description.metadata.emplace_back(key, std::move(*value));
  }
  for (const GgufTensor& tensor : file.tensors()) {
    description.tensors.push_back(
        {std::string(tensor.name), std::string(dtype_info(tensor.type).name), tensor.shape});
  }
  return description;
}

std::vector<RunningModel> running_models(const Service& service) {
  std::vector<RunningModel> running;
  for (const HostedStatus& status : service.host.models()) {
    RunningModel model{.model = entry_or_name(service.library, status.place),
                       .expires_unix_s = std::nullopt,
                       .memory_bytes = status.memory_bytes,
                       .context = status.context};
    if (status.leaves_in_seconds) {
      model.expires_unix_s =
          std::time(nullptr) + static_cast<std::int64_t>(std::max(0.0, *status.leaves_in_seconds));
    }
    running.push_back(std::move(model));
  }
  return running;
}

}  // namespace hearth
