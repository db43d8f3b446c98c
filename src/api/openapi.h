// The OpenAPI document, from the tables that check requests. Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/fields.h"

namespace hearth {

struct ApiRoute {
  std::string_view method;        // "POST"
  std::string_view path;          // "/v1/models/{model}"; each {name} is a parameter
  std::string_view summary;       // one sentence
  std::span<const Field> fields;  // of the request's JSON body; empty: it has none
  std::string_view permission;    // who may call it, a sentence or a word
  bool streams = false;           // the reply may be a stream
};

// OpenAPI 3.1, JSON.
std::string openapi_document(std::span<const ApiRoute> routes);

}  // namespace hearth
