// Embeddings: texts as means of the hidden states of all their positions. Like an answer, an
// embedding is computed by the engine's steps beside others, and the reply follows by itself.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/service.h"

namespace hearth {

struct Embeddings {
  std::vector<std::vector<float>> vectors;  // of length 1
  TokenUsage usage;
  CallTimings timings;
};

// Loads the model if need be and starts; `body` makes the reply, on a thread that may take its
// time. Throws Error when it cannot begin: BusyError, FieldError, as Host::acquire.
void embed(Service& service, const Call& call, const EmbedCall& wanted,
           std::function<std::string(const Embeddings&)> body);

}  // namespace hearth
