#include "store/model_recipe.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace hearth {
namespace {

using nlohmann::json;

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json parsed(const std::string& text) { return json::parse(text, nullptr, false); }

json parameters_json(std::span<const ModelfileParameter> parameters) {
  json object = json::object();
  for (const ModelfileParameter& parameter : parameters) {
    const ParameterRule* rule = find_parameter_rule(parameter.name);
    const json value = std::visit([](const auto& held) { return json(held); }, parameter.value);
    if (rule != nullptr && rule->kind == ParameterKind::kText) {
      object[parameter.name].push_back(value);
    } else {
      object[parameter.name] = value;
    }
  }
  return object;
}

json messages_json(std::span<const ModelfileMessage> messages) {
  json list = json::array();
  for (const ModelfileMessage& message : messages) {
    list.push_back({{"role", message.role}, {"content", message.content}});
  }
  return list;
}

void read_parameter(const std::string& name, const json& value, Modelfile& recipe) {
  if (value.is_array()) {
    for (const json& one : value) {
      if (!one.is_array()) read_parameter(name, one, recipe);
    }
    return;
  }
  if (!value.is_primitive()) return;  // and may be nested deeper than a stack
  try {
    const std::string text = value.is_string() ? value.get<std::string>() : dumped(value);
    recipe.parameters.push_back({name, parse_parameter(name, text)});
  } catch (const Error&) {
    return;  // of another program's: it would not be followed
  }
}

void read_parameters(const json& object, Modelfile& recipe) {
  if (!object.is_object()) return;
  for (const auto& [name, value] : object.items()) read_parameter(name, value, recipe);
}

void read_messages(const json& list, Modelfile& recipe) {
  if (!list.is_array()) return;
  for (const json& message : list) {
    if (!message.is_object()) continue;
    const auto role = message.find("role"), content = message.find("content");
    if (role == message.end() || !role->is_string()) continue;
    if (content == message.end() || !content->is_string()) continue;
    if (*role != "system" && *role != "user" && *role != "assistant") continue;
    recipe.messages.push_back({role->get<std::string>(), content->get<std::string>()});
  }
}

}  // namespace

bool is_recipe(LayerRole role) noexcept {
  switch (role) {
    case LayerRole::kTemplate:
    case LayerRole::kSystem:
    case LayerRole::kParameters:
    case LayerRole::kMessages:
    case LayerRole::kLicence: return true;
    case LayerRole::kModel:
    case LayerRole::kProjector:
    case LayerRole::kAdapter: return false;
  }
  return false;
}

std::vector<RecipeLayer> recipe_layers(const Modelfile& recipe) {
  std::vector<RecipeLayer> layers;
  const auto add = [&](LayerRole role, std::string text) {
    if (!text.empty()) layers.push_back({role, std::move(text)});
  };
  add(LayerRole::kTemplate, recipe.template_text.value_or(""));
  add(LayerRole::kSystem, recipe.system.value_or(""));
  if (!recipe.parameters.empty()) {
    add(LayerRole::kParameters, dumped(parameters_json(recipe.parameters)));
  }
  if (!recipe.messages.empty()) add(LayerRole::kMessages, dumped(messages_json(recipe.messages)));
  for (const std::string& licence : recipe.licences) add(LayerRole::kLicence, licence);
  return layers;
}

Modelfile read_recipe(std::span<const RecipeLayer> layers) {
  Modelfile recipe;
  for (const RecipeLayer& layer : layers) {
    if (layer.role == LayerRole::kTemplate) recipe.template_text = layer.text;
    if (layer.role == LayerRole::kSystem) recipe.system = layer.text;
    if (layer.role == LayerRole::kLicence) recipe.licences.push_back(layer.text);
    if (layer.role == LayerRole::kParameters) read_parameters(parsed(layer.text), recipe);
    if (layer.role == LayerRole::kMessages) read_messages(parsed(layer.text), recipe);
  }
  return recipe;
}

Modelfile merged_recipe(Modelfile base, const Modelfile& added) {
  const auto replace = [](std::optional<std::string>& text, const auto& by) {
    if (!by) return;
    text = by;
    if (text->empty()) text.reset();
  };
  replace(base.template_text, added.template_text);
  replace(base.system, added.system);
  std::erase_if(base.parameters, [&](const ModelfileParameter& old) {
    return std::ranges::find(added.parameters, old.name, &ModelfileParameter::name) !=
           added.parameters.end();
  });
  base.parameters.insert(base.parameters.end(), added.parameters.begin(), added.parameters.end());
  if (!added.messages.empty()) base.messages = added.messages;
  for (const std::string& licence : added.licences) {
    if (std::ranges::find(base.licences, licence) == base.licences.end()) {
      base.licences.push_back(licence);
    }
  }
  return base;
}

}  // namespace hearth
