// The library as the command line opens it: settings from the environment, pip to fetch wheels.
#pragma once

#include "cli/pip_fetcher.h"
#include "net/client.h"
#include "store/library.h"

namespace hearth {

struct CommandLibrary {
  HttpClient http;
  PipFetcher pip;
  Library library;

  // fetches_wheels: false for the server, which starts no program.
  explicit CommandLibrary(bool fetches_wheels = true);
};

}  // namespace hearth
