// A model to a registry (registry.h), blob by blob, then its manifest. One pass, nothing kept.
#pragma once

#include <string>

#include "store/download.h"
#include "store/manifest.h"
#include "store/model_ref.h"

namespace hearth {

struct PushedModel {
  const Manifest& manifest;
  std::string family;  // general.architecture
  std::string endpoint;
};

// `ref` is a registry's. kUnavailable for a registry that does not follow the protocol.
void push_model(const PullContext& context, const ModelRef& ref, const PushedModel& model);

}  // namespace hearth
