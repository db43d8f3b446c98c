// Ollama's registry protocol, without any I/O: addresses and the manifest's parser. Pure functions.
//
//   GET {endpoint}/v2/{user}/{name}/manifests/{tag}
//     → {"schemaVersion": 2, "layers": [{"mediaType": "application/vnd.ollama.image.…", "digest":
//     "sha256:…", "size": n}]}
//   GET {endpoint}/v2/{user}/{name}/blobs/{digest}, with ranges; HEAD: is it there
//   POST {endpoint}/v2/{user}/{name}/blobs/uploads/ → 202 and a Location, to which
//   PUT {location}?digest=sha256:… sends a blob
//   PUT {endpoint}/v2/{user}/{name}/manifests/{tag}
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/manifest.h"

namespace hearth {

inline constexpr std::uint64_t kRegistryManifestBytesMax = 1u << 20;

std::string registry_manifest_address(std::string_view endpoint, std::string_view name,
                                      std::string_view tag);
std::string registry_blob_address(std::string_view endpoint, std::string_view name,
                                  const Digest& digest);

std::string registry_uploads_address(std::string_view endpoint, std::string_view name);

inline constexpr std::string_view kRegistryManifestType =
    "application/vnd.docker.distribution.manifest.v2+json";
// What Ollama's clients want to know of a model before they fetch it: a blob, too.
std::string registry_config(const Manifest& manifest, std::string_view family);
std::string registry_manifest(const Manifest& manifest, std::string_view config);

// The layers Hearth keeps (media types it does not know are left out). kCorruptData for a digest
// that is none, sizes that overflow, or a manifest without a model.
std::vector<Layer> parse_registry_manifest(std::string_view json, std::string_view name);

}  // namespace hearth
