#include "api/openapi.h"

#include <nlohmann/json.hpp>

namespace hearth {
namespace {

using nlohmann::json;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// "POST /v1/models/{model}" → "post_v1_models_model"
std::string operation_id(const ApiRoute& route) {
  std::string id = lower(route.method);
  for (const char c : route.path) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (word) {
      id += c;
    } else if (id.back() != '_') {
      id += '_';
    }
  }
  while (id.back() == '_') id.pop_back();
  return id;
}

json path_parameters(std::string_view path) {
  json parameters = json::array();
  for (std::size_t open = path.find('{'); open != std::string_view::npos;
       open = path.find('{', open + 1)) {
    const std::string name(path.substr(open + 1, path.find('}', open) - open - 1));
    parameters.push_back(
        {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  return parameters;
}

json operation(const ApiRoute& route) {
  json ok = {{"description", "The reply."}, {"content", json::object()}};
  ok["content"]["application/json"] = json::object();
  if (route.streams) {
    // Ollama's routes stream lines, all others events.
    const bool lines = route.path.starts_with("/api/");
    ok["content"][lines ? "application/x-ndjson" : "text/event-stream"] = json::object();
  }
  json all = {{"operationId", operation_id(route)},
              {"summary", std::string(route.summary)},
              {"description", "Permission: " + std::string(route.permission) + "."},
              {"responses", {{"200", ok}, {"default", {{"description", "An error."}}}}}};
  if (json parameters = path_parameters(route.path); !parameters.empty()) {
    all["parameters"] = std::move(parameters);
  }
  if (!route.fields.empty()) {
    json content = json::object();
    content["application/json"]["schema"] = schema_of(route.fields);
    all["requestBody"] = {{"required", true}, {"content", content}};
  }
  return all;
}

}  // namespace

std::string openapi_document(std::span<const ApiRoute> routes) {
  json paths = json::object();
  for (const ApiRoute& route : routes) {
    paths[std::string(route.path)][lower(route.method)] = operation(route);
  }
  const json key = {{"type", "http"}, {"scheme", "bearer"}};
  const json document = {{"openapi", "3.1.0"},
                         {"info", {{"title", "Hearth"}, {"version", HEARTH_VERSION}}},
                         {"paths", paths},
                         {"components", {{"securitySchemes", {{"key", key}}}}},
                         // A key where the server asks for one; without, where it does not.
                         {"security", json::array({json::object(), {{"key", json::array()}}})}};
  return document.dump();
}

}  // namespace hearth
