#include "library.h"

#include <cstdlib>
#include <string>

#include "platform/memory.h"

namespace hearth {
namespace {

std::string setting(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

Library::Options library_options() {
  Library::Options options;
  options.home = Library::default_home();
  options.hub_endpoint = setting("HF_ENDPOINT", options.hub_endpoint);
  options.hub_token = setting("HF_TOKEN", "");
  options.registry_endpoint = setting("HEARTH_REGISTRY_ENDPOINT", options.registry_endpoint);
  options.memory_bytes = available_memory_bytes();
  return options;
}

}  // namespace

CommandLibrary::CommandLibrary(bool fetches_wheels)
    : http(HttpClient::Options{}),
      pip(setting("HEARTH_PYTHON", "python3")),
      library(library_options(), Catalog::embedded(), http, fetches_wheels ? &pip : nullptr) {}

}  // namespace hearth
