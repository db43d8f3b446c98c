#include "store/catalog.h"

#include <toml++/toml.h>

#include <algorithm>

#include "base/error.h"
#include "catalog_text.h"

namespace hearth {
namespace {

constexpr std::size_t kModelsMax = 10'000;
constexpr std::size_t kSourcesMax = 16;
constexpr std::size_t kPartsMax = 256;

[[noreturn]] void refuse(std::string_view entry, std::string_view why) {
  throw Error(ErrorCode::kCorruptData,
              "the catalog's entry '" + std::string(entry) + "': " + std::string(why));
}

std::string text_of(const toml::table& table, std::string_view key, std::string_view entry,
                    std::string fallback = {}) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return fallback;
  const auto value = node->value_exact<std::string>();
  if (!value) refuse(entry, std::string(key) + " is not a text");
  return *value;
}

std::uint64_t bytes_of(const toml::table& table, std::string_view key, std::string_view entry) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return 0;
  const auto value = node->value_exact<std::int64_t>();
  if (!value || *value < 0) refuse(entry, std::string(key) + " is not a size");
  return static_cast<std::uint64_t>(*value);
}

CatalogSource parse_source(const toml::node& node, std::string_view entry) {
  CatalogSource source;
  if (const auto single = node.value_exact<std::string>()) {
    source.refs.push_back(ModelRef::parse(*single));
  } else if (const toml::array* parts = node.as_array()) {
    if (parts->empty() || parts->size() > kPartsMax) refuse(entry, "a source has no or >256 parts");
    for (const toml::node& part : *parts) {
      const auto text = part.value_exact<std::string>();
      if (!text) refuse(entry, "a source's part is not a text");
      source.refs.push_back(ModelRef::parse(*text));
      if (source.refs.back().kind != ModelRef::Kind::kWheel) {
        refuse(entry, "only wheels can be joined from parts");
      }
    }
  } else {
    refuse(entry, "a source is neither a reference nor a list of wheels");
  }
  const auto kind = source.refs.front().kind;
  if (kind == ModelRef::Kind::kName || kind == ModelRef::Kind::kFile) {
    refuse(entry, "a source must be a place in the network, not a name or a file");
  }
  return source;
}

bool bool_of(const toml::table& table, const std::string& key, const std::string& entry,
             bool otherwise) {
  const toml::node* node = table.get(key);
  if (node == nullptr) return otherwise;
  const auto value = node->value_exact<bool>();
  if (!value) refuse(entry, key + " is neither true nor false");
  return *value;
}

CatalogModel parse_model(const toml::table& table) {
  CatalogModel model;
  model.name = text_of(table, "name", "?");
  model.tag = text_of(table, "tag", model.name);
  const std::string entry = model.reference();
  const ModelRef ref = ModelRef::parse(entry);
  if (ref.kind != ModelRef::Kind::kName || ref.text != entry) {
    refuse(entry, "its name or tag is missing or unusual");
  }
  model.title = text_of(table, "title", entry);
  model.licence = text_of(table, "licence", entry);
  model.format = text_of(table, "format", entry, "gguf");
  model.bytes = bytes_of(table, "bytes", entry);
  model.memory_bytes = bytes_of(table, "memory_bytes", entry);
  model.is_default = bool_of(table, "default", entry, false);
  model.runs = bool_of(table, "runs", entry, true);
  const std::string digest = text_of(table, "sha256", entry);
  if (!digest.empty()) model.digest = Digest::parse(digest, "the catalog's entry " + entry);
  const toml::array* sources = table["sources"].as_array();
  if (sources == nullptr || sources->empty() || sources->size() > kSourcesMax) {
    refuse(entry, "it needs 1 to 16 sources");
  }
  for (const toml::node& source : *sources) model.sources.push_back(parse_source(source, entry));
  return model;
}

}  // namespace

Catalog Catalog::parse(std::string_view toml_text) {
  toml::table table;
  try {
    table = toml::parse(toml_text);
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::kCorruptData,
                "the catalog is not TOML: " + std::string(error.description()) + " (line " +
                    std::to_string(error.source().begin.line) + ")");
  }
  const toml::array* models = table["model"].as_array();
  if (models == nullptr) refuse("(none)", "there is no [[model]]");
  if (models->size() > kModelsMax) refuse("(all)", "more than 10,000 models");
  Catalog catalog;
  for (const toml::node& node : *models) {
    const toml::table* entry = node.as_table();
    if (entry == nullptr) refuse("?", "it is not a table");
    catalog.models_.push_back(parse_model(*entry));
  }
  return catalog;
}

Catalog Catalog::embedded() { return parse(kCatalogText); }

const CatalogModel* Catalog::find(const ModelRef& ref) const noexcept {
  if (ref.kind != ModelRef::Kind::kName) return nullptr;
  const auto found = std::ranges::find_if(models_, [&](const CatalogModel& model) {
    if (model.name != ref.name) return false;
    return ref.tag.empty() || ref.tag == "latest" ? model.is_default : model.tag == ref.tag;
  });
  return found == models_.end() ? nullptr : &*found;
}

std::vector<std::string> Catalog::similar(std::string_view name) const {
  constexpr std::size_t kShown = 5;
  const std::string_view start = name.substr(0, std::min<std::size_t>(name.size(), 4));
  std::vector<std::string> names;
  for (const CatalogModel& model : models_) {
    if (names.size() < kShown && model.name.starts_with(start)) names.push_back(model.reference());
  }
  return names;
}

}  // namespace hearth
