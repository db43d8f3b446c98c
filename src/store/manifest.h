// Manifest: what the store keeps about one reference: its files, by digest, and where they came
// from. On disk: "HEARTH-MANIFEST 1\n", then one JSON object. A newer version is refused, not
// guessed at. A value; the store writes it atomically.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/digest.h"

namespace hearth {

enum class LayerRole {
  kModel,      // a GGUF file; several are the shards of one model, in order
  kProjector,  // a vision tower's GGUF
  kAdapter,    // a LoRA
  kTemplate,   // a prompt template, Jinja or Go's: instead of the file's own
  kParameters,
  kSystem,
  kMessages,
  kLicence,
};

std::string_view to_string(LayerRole role) noexcept;

struct Layer {
  LayerRole role = LayerRole::kModel;
  Digest digest;
  std::uint64_t bytes = 0;
};

struct Manifest {
  std::string reference;  // canonical text of the ModelRef
  std::string source;     // the reference of the place that served it
  std::string licence;    // as the catalog or the source names it; may be empty
  // Who named the digests before the download: "catalog", "source" or "nobody" (then the model is
  // what was sent, and nothing says that it is what was meant); empty when that was not recorded.
  std::string verified_by;
  std::int64_t created_unix_s = 0;
  std::vector<Layer> layers;

  std::uint64_t total_bytes() const noexcept;
  // Of the model's (first) file: its identity for people. A parsed manifest has one.
  const Digest& model_digest() const;
  std::vector<Layer> with_role(LayerRole role) const;
};

std::string serialize(const Manifest& manifest);
// kCorruptData for anything that breaks the format, kUnsupported for a newer version. `name` goes
// into the message.
Manifest parse_manifest(std::string_view text, std::string_view name);

inline constexpr std::uint64_t kManifestBytesMax = 1u << 20;  // 4,096 layers of 200 bytes
inline constexpr std::size_t kLayersMax = 4096;

}  // namespace hearth
