#include "store/registry.h"

#include <array>
#include <utility>

#include "base/checked.h"
#include "net/url.h"
#include "store/json_document.h"

namespace hearth {
namespace {

constexpr std::array<std::pair<std::string_view, LayerRole>, 7> kMediaTypes = {{
    {"application/vnd.ollama.image.model", LayerRole::kModel},
    {"application/vnd.ollama.image.projector", LayerRole::kProjector},
    {"application/vnd.ollama.image.adapter", LayerRole::kAdapter},
    {"application/vnd.ollama.image.template", LayerRole::kTemplate},
    {"application/vnd.ollama.image.params", LayerRole::kParameters},
    {"application/vnd.ollama.image.system", LayerRole::kSystem},
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
