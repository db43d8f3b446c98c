#include "store/manifest.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/checked.h"
#include "base/error.h"
#include "store/json_document.h"

namespace hearth {
namespace {

constexpr std::string_view kMagic = "HEARTH-MANIFEST ";
constexpr std::string_view kVersion = "1";

constexpr std::array<std::pair<LayerRole, std::string_view>, 8> kRoles = {{
    {LayerRole::kModel, "model"},
    {LayerRole::kProjector, "projector"},
    {LayerRole::kAdapter, "adapter"},
    {LayerRole::kTemplate, "template"},
    {LayerRole::kParameters, "parameters"},
    {LayerRole::kSystem, "system"},
    {LayerRole::kMessages, "messages"},
    {LayerRole::kLicence, "licence"},
}};

LayerRole role_of(std::string_view text, std::string_view name) {
  for (const auto& [role, spelling] : kRoles) {
    if (text == spelling) return role;
  }
  throw Error(ErrorCode::kCorruptData, "the manifest of " + std::string(name) +
                                           " has a layer of a role this version does not know");
}

}  // namespace

std::string_view to_string(LayerRole role) noexcept {
  for (const auto& [known, spelling] : kRoles) {
    if (known == role) return spelling;
  }
  return "model";
}

std::uint64_t Manifest::total_bytes() const noexcept {
  std::uint64_t total = 0;
  for (const Layer& layer : layers) total += layer.bytes;
  return total;
}

const Digest& Manifest::model_digest() const {
  const auto found = std::ranges::find(layers, LayerRole::kModel, &Layer::role);
  CHECK(found != layers.end());
  return found->digest;
}

std::vector<Layer> Manifest::with_role(LayerRole role) const {
  std::vector<Layer> found;
  for (const Layer& layer : layers) {
    if (layer.role == role) found.push_back(layer);
  }
  return found;
}

std::string serialize(const Manifest& manifest) {
  nlohmann::json layers = nlohmann::json::array();
  for (const Layer& layer : manifest.layers) {
    layers.push_back({{"role", std::string(to_string(layer.role))},
                      {"sha256", layer.digest.hex()},
                      {"bytes", layer.bytes}});
  }
  const nlohmann::json object = {
      {"reference", manifest.reference},    {"source", manifest.source},
      {"licence", manifest.licence},        {"verified_by", manifest.verified_by},
      {"created", manifest.created_unix_s}, {"layers", layers}};
  return std::string(kMagic) + std::string(kVersion) + "\n" +
         object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Manifest parse_manifest(std::string_view text, std::string_view name) {
  const std::string what = "the manifest of " + std::string(name);
  const auto line_end = text.find('\n');
  if (!text.starts_with(kMagic) || line_end == std::string_view::npos) {
    throw Error(ErrorCode::kCorruptData, what + " does not begin with HEARTH-MANIFEST");
  }
  const std::string_view version = text.substr(kMagic.size(), line_end - kMagic.size());
  if (version != kVersion) {
    throw Error(ErrorCode::kUnsupported,
                what + " has version " + std::string(version.substr(0, 20)) +
                    "; this hearth reads version 1: use the newer hearth that wrote it");
  }
  const JsonDocument document = JsonDocument::parse(text.substr(line_end + 1), what);
  Manifest manifest;
  manifest.reference = document.text("reference");
  manifest.source = document.text("source");
  manifest.licence = document.text("licence");
  if (document.contains("verified_by")) manifest.verified_by = document.text("verified_by");
  manifest.created_unix_s = checked_cast<std::int64_t>(document.size("created"), what);
  for (const JsonDocument& layer : document.list("layers", kLayersMax)) {
    manifest.layers.push_back({role_of(layer.text("role"), name),
                               Digest::parse(layer.text("sha256"), what), layer.size("bytes")});
  }
  std::uint64_t total = 0;
  for (const Layer& layer : manifest.layers) total = checked_add(total, layer.bytes, what);
  if (manifest.with_role(LayerRole::kModel).empty()) {
    throw Error(ErrorCode::kCorruptData, what + " names no model file");
  }
  return manifest;
}

}  // namespace hearth
