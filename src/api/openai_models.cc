#include <nlohmann/json.hpp>

#include "api/openai.h"
#include "api/reply_json.h"

namespace hearth {
namespace {

using Json = nlohmann::ordered_json;

Json model_json(const ModelEntry& model) {
  return {{"id", model.name},
          {"object", "model"},
          {"created", model.modified_unix_s},
          {"owned_by", "library"}};
}

}  // namespace

std::string openai_models_reply(std::span<const ModelEntry> models) {
  Json data = Json::array();
  for (const ModelEntry& model : models) data.push_back(model_json(model));
  return to_text({{"object", "list"}, {"data", data}});
}

std::string openai_model_reply(const ModelEntry& model) { return to_text(model_json(model)); }

}  // namespace hearth
