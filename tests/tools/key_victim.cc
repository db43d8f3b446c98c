// key_victim FILE NAME: adds keys NAME-0, NAME-1, … to the state in FILE until it is killed, and
// prints "name secret" for each as soon as State has acknowledged it.
// key_victim FILE: reads such lines from stdin; exits 1 unless State finds every one of them.
// Driven by scripts/kill9_state.py and src/state/state_test.cc.
#include <cstdio>
#include <iostream>
#include <string>

#include "base/error.h"
#include "state/state.h"

namespace {

void add_keys(hearth::State& state, const std::string& name) {
  for (int i = 0;; ++i) {
    const hearth::NewKey made =
        state.add_key(name + "-" + std::to_string(i), hearth::KeyRole::kUser, {}, std::nullopt);
    std::printf("%s %s\n", made.key.name.c_str(), made.secret.c_str());
    if (std::fflush(stdout) != 0) return;  // nobody listens any more
  }
}

int find_keys(const hearth::State& state) {
  int missing = 0;
  for (std::string name, secret; std::cin >> name >> secret;) {
    const auto key = state.find_key(secret, 0);
    if (key && key->name == name) continue;
    std::printf("missing: %s\n", name.c_str());
    ++missing;
  }
  return missing == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: key_victim FILE [NAME]\n");
    return 2;
  }
  try {
    hearth::State state(argv[1]);
    if (argc == 2) return find_keys(state);
    add_keys(state, argv[2]);
    return 0;
  } catch (const hearth::Error& error) {
    std::fprintf(stderr, "key_victim: %s (%s)\n", error.message().c_str(), error.detail().c_str());
    return hearth::exit_code(error.code());
  }
}
