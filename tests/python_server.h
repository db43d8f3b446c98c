// PythonServer: a server of tests/store for as long as a test wants it: it says its ports on
// stdout, and ends when its stdin does.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace hearth {

class PythonServer {
 public:
  PythonServer() = default;
  ~PythonServer() { stop(); }
  PythonServer(const PythonServer&) = delete;
  PythonServer& operator=(const PythonServer&) = delete;

  // `arguments`: the script, from the repository's root, and what follows it. Fills `ports`; for
  // ASSERT_NO_FATAL_FAILURE.
  void start(std::vector<std::string> arguments, std::span<int> ports) {
    arguments[0] = std::string(HEARTH_SOURCE_DIR) + "/" + arguments[0];
    arguments.insert(arguments.begin(), "python3");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::array<int, 2> in{}, out{};
    ASSERT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    ASSERT_EQ(::posix_spawnp(&process_, "python3", &actions, nullptr, argv.data(), environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    input_ = in[1];
    std::FILE* said = ::fdopen(out[0], "r");
    for (int& port : ports) ASSERT_EQ(std::fscanf(said, "%d", &port), 1);
    std::fclose(said);
  }

  void stop() {
    if (process_ < 0) return;
    ::close(input_);
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }

 private:
  pid_t process_ = -1;
  int input_ = -1;
};

}  // namespace hearth
