// The library as the command line opens it: settings from the environment, pip to fetch wheels.
#pragma once

#include "base/cancel.h"
#include "cli/pip_fetcher.h"
#include "net/client.h"
#include "store/library.h"

namespace hearth {

struct CommandLibrary {
  HttpClient http;
  PipFetcher pip;
  Library library;

  CommandLibrary();
};

// Set by Ctrl-C (SIGINT) and SIGTERM once watch_interrupts() was called.
const CancelToken& watch_interrupts();

}  // namespace hearth
