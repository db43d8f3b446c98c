// pull_victim HOME ENDPOINT MODEL [STEP COUNT [SIGNAL]]: pulls MODEL into HOME as `hearth pull`
// does, with ENDPOINT as the hub; at the COUNT-th time it passes STEP ("body", "before_fsync",
// "before_rename", "after_rename", "before_manifest", "after_manifest") it sends itself SIGNAL
// (SIGKILL). Driven by scripts/kill9.py and tests/store/two_processes.py.
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "store/library.h"

int main(int argc, char** argv) {
  if (argc != 4 && argc != 6 && argc != 7) {
    std::fprintf(stderr, "usage: pull_victim HOME ENDPOINT MODEL [STEP COUNT [SIGNAL]]\n");
    return 2;
  }
  const std::string step = argc >= 6 ? argv[4] : "";
  long left = argc >= 6 ? std::atol(argv[5]) : 0;
  const int signal_sent = argc == 7 ? std::atoi(argv[6]) : SIGKILL;
  hearth::Library::Options options;
  options.home = argv[1];
  options.hub_endpoint = argv[2];
  options.fail_point = [&](std::string_view reached) {
    if (reached == step && --left == 0) ::raise(signal_sent);
  };
  try {
    hearth::HttpClient http({});
    hearth::Library library(options, hearth::Catalog::embedded(), http, nullptr);
    library.pull(hearth::ModelRef::parse(argv[3]), {});
    std::printf("%s\n", library.resolve(hearth::ModelRef::parse(argv[3])).path.c_str());
    return 0;
  } catch (const hearth::Error& error) {
    std::fprintf(stderr, "pull_victim: %s (%s)\n", error.message().c_str(), error.detail().c_str());
    return hearth::exit_code(error.code());
  }
}
