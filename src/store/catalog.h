// Catalog: the models Hearth knows by a short name: where each can be had, its digest when it is
// pinned, its licence and its need of memory. Parsed from catalog.toml (embedded in the program);
// untrusted all the same. Immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/digest.h"
#include "store/model_ref.h"

namespace hearth {

// One place that has the model: a single reference (hub, registry, address), or wheels whose parts
// are joined in order.
struct CatalogSource {
  std::vector<ModelRef> refs;  // one, or several of kind kWheel
};

struct CatalogModel {
  std::string name;
  std::string tag;
  bool is_default = false;  // the tag that the bare name means
  bool runs = true;         // false: it can be fetched and kept; no engine of ours computes it yet
  std::string title;
  std::string licence;
  std::string format = "gguf";
  std::uint64_t bytes = 0;  // of the file; exact with a digest, about right without
  std::uint64_t memory_bytes = 0;
  std::optional<Digest> digest;
  std::vector<CatalogSource> sources;  // in the order to try

  std::string reference() const { return name + ":" + tag; }
};

class Catalog {
 public:
  // kCorruptData names the entry and what is wrong with it.
  static Catalog parse(std::string_view toml);
  static Catalog embedded();

  const std::vector<CatalogModel>& models() const noexcept { return models_; }
  // A kName reference, with or without a tag; nullptr when there is none.
  const CatalogModel* find(const ModelRef& ref) const noexcept;
  // Names that start alike, for "did you mean": at most five.
  std::vector<std::string> similar(std::string_view name) const;

 private:
  std::vector<CatalogModel> models_;
};

}  // namespace hearth
