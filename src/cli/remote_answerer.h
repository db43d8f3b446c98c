// The Answerer of a running server: asks it over Ollama's API.
#pragma once

#include <memory>
#include <string>

#include "cli/running_server.h"
#include "host/answerer.h"

namespace hearth {

// Loads the model there. kNotFound when that server does not have it. `server` outlives it.
std::unique_ptr<Answerer> make_remote_answerer(RunningServer& server, const std::string& model);

}  // namespace hearth
