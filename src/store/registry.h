// Ollama's registry protocol, without any I/O: addresses and the manifest's parser. Pure functions.
//
//   GET {endpoint}/v2/{user}/{name}/manifests/{tag}
//     → {"schemaVersion": 2, "layers": [{"mediaType": "application/vnd.ollama.image.…", "digest":
//     "sha256:…", "size": n}]}
//   GET {endpoint}/v2/{user}/{name}/blobs/{digest}, with ranges
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

// The layers Hearth keeps (media types it does not know are left out). kCorruptData for a digest
// that is none, sizes that overflow, or a manifest without a model.
std::vector<Layer> parse_registry_manifest(std::string_view json, std::string_view name);

}  // namespace hearth
