#include "store/registry.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/checked.h"
#include "net/url.h"
#include "store/json_document.h"

namespace hearth {
namespace {

constexpr std::array<std::pair<std::string_view, LayerRole>, 8> kMediaTypes = {{
    {"application/vnd.ollama.image.model", LayerRole::kModel},
    {"application/vnd.ollama.image.projector", LayerRole::kProjector},
    {"application/vnd.ollama.image.adapter", LayerRole::kAdapter},
    {"application/vnd.ollama.image.template", LayerRole::kTemplate},
    {"application/vnd.ollama.image.params", LayerRole::kParameters},
    {"application/vnd.ollama.image.system", LayerRole::kSystem},
    {"application/vnd.ollama.image.messages", LayerRole::kMessages},
    {"application/vnd.ollama.image.license", LayerRole::kLicence},
}};

std::string repository_address(std::string_view endpoint, std::string_view name) {
  const auto slash = name.find('/');
  return std::string(endpoint) + "/v2/" + percent_encode(name.substr(0, slash)) + "/" +
         percent_encode(name.substr(slash + 1));
}

}  // namespace

std::string registry_manifest_address(std::string_view endpoint, std::string_view name,
                                      std::string_view tag) {
  return repository_address(endpoint, name) + "/manifests/" + percent_encode(tag);
}

std::string registry_blob_address(std::string_view endpoint, std::string_view name,
                                  const Digest& digest) {
  return repository_address(endpoint, name) + "/blobs/sha256:" + digest.hex();
}

std::string registry_uploads_address(std::string_view endpoint, std::string_view name) {
  return repository_address(endpoint, name) + "/blobs/uploads/";
}

std::string registry_config(const Manifest& manifest, std::string_view family) {
  nlohmann::json digests = nlohmann::json::array();
  for (const Layer& layer : manifest.layers) digests.push_back("sha256:" + layer.digest.hex());
  const nlohmann::json config = {{"model_format", "gguf"},
                                 {"model_family", std::string(family)},
                                 {"model_families", {std::string(family)}},
                                 {"architecture", "amd64"},  // Ollama's writes no other
                                 {"os", "linux"},
                                 {"rootfs", {{"type", "layers"}, {"diff_ids", digests}}}};
  return config.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string registry_manifest(const Manifest& manifest, std::string_view config) {
  const auto described = [](std::string_view type, const Digest& digest, std::uint64_t bytes) {
    return nlohmann::json{
        {"mediaType", std::string(type)}, {"digest", "sha256:" + digest.hex()}, {"size", bytes}};
  };
  nlohmann::json layers = nlohmann::json::array();
  for (const Layer& layer : manifest.layers) {
    for (const auto& [type, role] : kMediaTypes) {
      if (role == layer.role) layers.push_back(described(type, layer.digest, layer.bytes));
    }
  }
  const nlohmann::json document = {
      {"schemaVersion", 2},
      {"mediaType", std::string(kRegistryManifestType)},
      {"config", described("application/vnd.docker.container.image.v1+json", Digest::of(config),
                           config.size())},
      {"layers", layers}};
  return document.dump();
}

std::vector<Layer> parse_registry_manifest(std::string_view json, std::string_view name) {
  const std::string what = "the registry's manifest of " + std::string(name);
  const JsonDocument document = JsonDocument::parse(json, what);
  std::vector<Layer> layers;
  bool has_model = false;
  std::uint64_t total = 0;
  for (const JsonDocument& entry : document.list("layers", kLayersMax)) {
    const std::string media_type = entry.text("mediaType");
    // A digest is checked whether we keep its layer or not: who sends one bad digest is not
    // believed.
    const Digest digest = Digest::parse(entry.text("digest"), what);
    const std::uint64_t bytes = entry.size("size");
    total = checked_add(total, bytes, what);
    for (const auto& [known, role] : kMediaTypes) {
      if (media_type != known) continue;
      layers.push_back({role, digest, bytes});
      has_model = has_model || role == LayerRole::kModel;
    }
  }
  if (!has_model) throw Error(ErrorCode::kCorruptData, what + " names no model file");
  return layers;
}

}  // namespace hearth
